"""What the server answers, refuses and survives: a real one, on a loopback port."""

import json
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="comes with the extra `serve`")

from reviewtune.serving import guards
from reviewtune.serving.app import Limits, make_app
from reviewtune.serving.guards import digest_of
from reviewtune.serving.messages import LONGEST_TEXT, MOST_TEXTS
from tests.unit.serving.conftest import TEXTS, TOKEN, Client, Start

LIMITS = Limits(max_batch=8, max_body=200_000, digest=None)


@pytest.fixture
def client(start: Start, classifier: Any) -> Client:
    return start(make_app(classifier, "words", LIMITS))


def test_reviews_are_judged_as_predict_does(client: Client, classifier: Any) -> None:
    answer = client.predict({"texts": [*TEXTS, None, "  ", "n/a"]})
    assert answer.status == 200
    assert (answer.body["artifact"], answer.body["threshold"]) == ("words", 0.4)
    rows = answer.body["predictions"]
    np.testing.assert_allclose([row["fake_probability"] for row in rows[:4]], classifier.fake_probability(TEXTS))
    np.testing.assert_allclose([row["familiar"] for row in rows[:4]], classifier.familiar(TEXTS))
    assert [row["label"] for row in rows[:4]] == classifier.predict(TEXTS).tolist()
    assert rows[4:] == [{"fake_probability": None, "label": None, "familiar": None}] * 3


def test_one_review_is_answered_alike(client: Client) -> None:
    several, one = client.predict({"texts": TEXTS[:1]}), client.predict({"text": TEXTS[0]})
    assert one.body == several.body
    assert client.predict({"text": None}).body["predictions"][0]["label"] is None
    assert client.predict({"texts": []}).body["predictions"] == []


def test_a_score_does_not_depend_on_who_asks_at_the_same_time(client: Client, classifier: Any) -> None:
    texts = [f"{text} {number}" for number in range(30) for text in TEXTS]
    alone = classifier.fake_probability(texts)
    found: dict[str, float] = {}

    def ask(text: str) -> None:
        found[text] = client.predict({"text": text}).body["predictions"][0]["fake_probability"]

    threads = [threading.Thread(target=ask, args=[text]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    np.testing.assert_allclose([found[text] for text in texts], alone, atol=1e-6)
    counts = client.ask("GET", "/metrics").body
    passes = float(
        next(line for line in counts.splitlines() if line.startswith("reviewtune_batch_texts_count")).split()[1]
    )
    assert passes < len(texts)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 422, "send a JSON object, with `Content-Type: application/json`"),
        (b"{", 422, "the body is no JSON"),
        (b"[1]", 422, "send a JSON object"),
        (b"{}", 422, 'give {"text": "..."} or {"texts": ["...", ...]}, one of both'),
        (b'{"text": "a", "texts": ["b"]}', 422, "one of both"),
        (b'{"texts": null}', 422, "texts=None: input should be a valid list"),
        (b'{"text": 5}', 422, "text=5: input should be a valid string"),
        (b'{"texts": ["a", {"b": 1}]}', 422, "texts.1={'b': 1}: input should be a valid string"),
        (b'{"review": "a"}', 422, "there is no review: give text or texts"),
        (b'{"text": "\xff"}', 400, "the body cannot be read: send a JSON object in UTF-8"),
        (b"[" * 100_000, 400, "the body cannot be read"),
        (b'{"text": ' + b"[" * 500 + b"]" * 500 + b"}", 422, "text="),
        (b'{"text": ' + b"9" * 5000 + b"}", 4, ""),
        (b'{"text": "' + b"a" * (LONGEST_TEXT + 1) + b'"}', 422, f"should have at most {LONGEST_TEXT} characters"),
        (json.dumps({"texts": [""] * (MOST_TEXTS + 1)}).encode(), 422, f"at most {MOST_TEXTS} items"),
        (b'{"text": "' + b"a" * 200_000 + b'"}', 413, "the body has more than 200,000 bytes"),
    ],
    ids=range(16),
)
def test_what_is_not_asked_well_is_refused_in_one_line(client: Client, body: bytes, status: int, said: str) -> None:
    answer = client.ask("POST", "/predict", body, content_type="application/json")
    assert answer.status == status or answer.status // 100 == status
    assert list(answer.body) == ["error"]
    assert said in answer.body["error"]
    assert answer.body["error"].isprintable()
    assert len(answer.body["error"]) < 300
    assert client.predict({"text": TEXTS[0]}).status == 200


@pytest.mark.parametrize(
    "text", ["caf\ud83d", "\0\0", "\x1b[31m", "a" * LONGEST_TEXT, "\u202e" * 1000, "ﷺ" * 1000, "e\u0301" * 1000, "😀"]
)
def test_any_text_has_a_probability(client: Client, text: str) -> None:
    (row,) = client.predict({"text": text}).body["predictions"]
    assert row["fake_probability"] is None if text == "\0\0" else 0 <= row["fake_probability"] <= 1


def test_a_body_of_pieces_has_the_same_limit(client: Client) -> None:
    names = b"Host: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\n" + names
    piece = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    assert client.raw(head + piece * 8 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert b'"predictions"' in client.raw(head + b'0d\r\n{"text": "a"}\r\n0\r\n\r\n')


@pytest.mark.parametrize(
    "sent", [b"\0" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100_000, b"\x16\x03\x01\x02"]
)
def test_what_is_no_http_harms_nobody(client: Client, sent: bytes) -> None:
    answer = client.raw(sent, leave=True)
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert client.ask("GET", "/health").body == {"status": "ok"}


def test_a_body_that_does_not_come_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "READ_SECONDS", 0.05)
    answer = client.ask("POST", "/predict", content_length="10")
    assert (answer.status, answer.body["error"]) == (408, "the body did not arrive within 0.05 s: send it again")


def test_there_is_nothing_else(client: Client) -> None:
    assert client.ask("GET", "/").status == 404
    assert "there is nothing of that name: POST /predict" in client.ask("GET", "/docs").body["error"]
    assert client.ask("GET", "/predict").status == 405


def test_a_token_is_asked_for_everywhere_but_where_life_is(start: Start, classifier: Any) -> None:
    client = start(make_app(classifier, "words", LIMITS._replace(digest=digest_of(TOKEN))))
    assert client.ask("GET", "/health").status == 200
    for given in (
        {},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": ""},
    ):
        for path in ("/metrics", "/openapi.json", "/nothing"):
            assert client.ask("GET", path, **given).status == 401
        answer = client.predict({"text": "a"}, **given)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "REVIEWTUNE_TOKEN" in answer.body["error"]
    assert client.predict({"text": "a"}, authorization=f"Bearer {TOKEN}").status == 200
    assert client.ask("GET", "/metrics", authorization=f"bearer {TOKEN}").status == 200


def test_the_counts_are_told(client: Client) -> None:
    client.predict({"texts": [*TEXTS, None]})
    client.predict({"texts": 3})
    client.ask("GET", "/made/up")
    counts = client.ask("GET", "/metrics").body
    assert 'reviewtune_requests_total{path="/predict",status="200"} 1.0' in counts
    assert 'reviewtune_requests_total{path="/predict",status="422"} 1.0' in counts
    assert 'reviewtune_requests_total{path="other",status="404"} 1.0' in counts
    assert 'reviewtune_reviews_total{label="none"} 1.0' in counts
    assert "made/up" not in counts
    assert "reviewtune_waiting_texts 0.0" in counts


def test_what_nobody_foresaw_is_said_where_the_server_runs(
    start: Start, classifier: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("secret\nof the house")

    monkeypatch.setattr(classifier.model.pipeline, "decision_function", fail, raising=False)
    client = start(make_app(classifier, "words", LIMITS))
    answer = client.predict({"text": "a"})
    assert (answer.status, answer.body) == (500, {"error": "this was not foreseen: the server's own output says more"})
    assert r"no answer was given (RuntimeError: secret\nof the house)" in capfd.readouterr().err
    assert client.ask("GET", "/health").status == 200


def test_the_description_is_of_what_is_answered(client: Client) -> None:
    told = client.ask("GET", "/openapi.json").body
    asked = told["components"]["schemas"]["Asked"]
    assert asked["properties"]["texts"]["maxItems"] == MOST_TEXTS
    assert told["paths"]["/predict"]["post"]["responses"]["422"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Refused"
    }
    judged = told["components"]["schemas"]["Judged"]["properties"]
    assert set(judged) == {"fake_probability", "label", "familiar"}
