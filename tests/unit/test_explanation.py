"""What each word is said to do: exact where a model is a sum, what leaving it out does everywhere else."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reviewtune
from reviewtune import explanation
from reviewtune.artifact import ArtifactInfo, EncoderInfo, write_artifact
from reviewtune.cli import main
from reviewtune.data.texts import prepare
from reviewtune.errors import UsageError
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.isotonic_calibration import IsotonicCalibration
from reviewtune.evaluation.operating_basis import OperatingBasis
from reviewtune.explanation import explain, text_sha256
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.predict import Classifier

TEXTS = ["Great café, works as described.", "the strap broke twice on tuesday", "love it", "sadly the lid is rusty"]
FAKE = np.array([True, False, True, False])
BASIS = OperatingBasis.of(np.linspace(0.01, 0.99, 400), np.arange(400) % 2 == 0)
CALIBRATIONS: list[Any] = [
    PlattCalibration(slope=1.7, intercept=-0.3),
    BetaCalibration(slope=1.5, intercept=0.2, above=0.7, below=1.9, offset=-0.4),
    IsotonicCalibration(scores=(-1.0, -0.1, 0.4), values=(-3.0, -1.0, 2.0), tail=0.01),
]


def info(family: str, **changes: Any) -> ArtifactInfo:
    fields = {"calibration": CALIBRATIONS[0], "threshold": 0.4, "encoder": None, **changes}
    return ArtifactInfo(
        family=family, params={}, study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64,
        validation_f1=1.0, code="c", versions={}, created="2026-01-01T00:00:00+00:00", **fields,
    )  # fmt: skip


def fitted(name: str, inputs: Any) -> Any:
    family = get_family(name)
    return list(family.fit(family.params(), Rows(inputs, np.resize(FAKE, len(inputs))), Setting()))[-1].model


@pytest.fixture(scope="module")
def words_model() -> Any:
    return fitted("tfidf", TEXTS * 3)


@pytest.mark.parametrize("calibration", CALIBRATIONS, ids=lambda each: each.kind)
@pytest.mark.parametrize("prevalence", [None, 0.05])
def test_the_weights_of_tfidf_and_its_base_are_the_log_odds(
    words_model: Any, calibration: Any, prevalence: float | None
) -> None:
    about = info("tfidf", calibration=calibration, basis=BASIS, prevalence=prevalence)
    classifier = Classifier(about, words_model, "texts")
    texts = ["  Great strap,  love\r\nthe cafe\u0301!", "x", *TEXTS]
    for found, text in zip(classifier.explain(texts), texts, strict=True):
        assert found is not None
        assert found.text == prepare([text]).texts[0]
        assert found.base is not None
        assert found.base + sum(word.weight for word in found.words) == pytest.approx(
            found.log_odds, rel=1e-9, abs=1e-9
        )
        assert found.fake_probability == pytest.approx(classifier.fake_probability([text])[0])
        assert found.fake_probability == pytest.approx(1 / (1 + np.exp(-found.log_odds)))
        assert found.label == classifier.predict([text])[0]
        assert found.passes == 1


class Counting:
    """Scores a text by its words, each of which is worth a number; keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def scores(self, texts: list[str]) -> Any:
        self.asked.append(texts)
        return np.array([sum({"good": 2.0, "bad": -1.0}.get(word, 0.25) for word in text.split()) for text in texts])


def counting(model: Any) -> Classifier:
    return Classifier(info("svm", calibration=PlattCalibration(slope=2.0, intercept=1.0)), model, "texts")


def test_a_word_weighs_what_the_log_odds_lose_without_it() -> None:
    model = Counting()
    first, missing, single = counting(model).explain(["good or bad", None, "bad"])
    assert missing is None
    assert first is not None
    assert single is not None
    assert [(word.start, word.end, word.weight) for word in first.words] == [(0, 4, 4.0), (5, 7, 0.5), (8, 11, -2.0)]
    assert (first.log_odds, first.base, first.passes) == (2 * 1.25 + 1, None, 4)
    # One call, and of a single word nothing is left that a model could be asked for.
    assert model.asked == [["good or bad", "bad", "or bad", "good bad", "good or"]]
    assert ([word.weight for word in single.words], single.passes) == ([single.log_odds], 1)


def test_a_confident_review_has_weights_where_its_calibration_is_level() -> None:
    level = IsotonicCalibration(scores=(-1.0, 1.0), values=(-3.0, 3.0), tail=1e-6)
    (found,) = Classifier(info("svm", calibration=level), Counting(), "texts").explain(["good good bad"])  # type: ignore[arg-type]
    assert found is not None
    assert found.log_odds == pytest.approx(3, abs=1e-4)
    assert [word.weight for word in found.words] == pytest.approx([6.0, 6.0, -3.0])


def test_a_long_text_is_left_out_in_parts() -> None:
    model = Counting()
    (found,) = counting(model).explain(["good " * 5 + "bad " * 6], most_parts=4)
    assert found is not None
    assert [word.weight for word in found.words] == [12.0, 2 * (2 * 2 - 1), -6.0, -4.0]
    assert (found.passes, len(model.asked[0])) == (5, 5)
    with pytest.raises(UsageError, match="most_parts must be 2 or more, not 1"):
        counting(model).explain(["good"], most_parts=1)


def test_rows_stay_with_their_texts_however_many_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "MOST_AT_ONCE", 10)
    texts = [None, "good one", "bad two", None, "good good", "x y", "good bad"]
    model = Counting()
    found = dict(explain(counting(model), prepare(texts), 4))
    assert {row: each.text for row, each in found.items()} == {row: text for row, text in enumerate(texts) if text}
    assert len(model.asked) == 3
    again = dict(explain(counting(Counting()), prepare(texts), 4))
    assert [each.words for each in again.values()] == [each.words for each in found.values()]


def test_rules_tell_their_questions_in_log_odds() -> None:
    texts = ["fine", "Fine.", "it broke", "It broke!"]
    classifier = Classifier(info("rules", basis=BASIS, prevalence=0.1), fitted("rules", texts * 20), "texts")
    for found in classifier.explain(texts):
        assert found is not None
        assert found.questions[0][0] == "before any question"
        assert sum(change for _, change in found.questions) == pytest.approx(found.log_odds)
        assert len(found.questions) > 1


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from reviewtune.encoders.registry import resolve_encoder

    folder, encoder = tmp_path_factory.mktemp("results") / "head", resolve_encoder("minilm")
    about = EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length)
    write_artifact(folder, info("logreg", encoder=about), fitted("logreg", reviewtune.embed(TEXTS * 3)))
    return folder


def test_a_head_on_embeddings_is_explained_by_what_is_left_out(head: Path) -> None:
    classifier = reviewtune.load(head)
    (found,) = classifier.explain([TEXTS[1]])
    assert found is not None
    left = [" ".join(word for word in TEXTS[1].split() if word != out) for out in TEXTS[1].split()]
    lost = classifier.info.log_odds(classifier.scores([TEXTS[1]])) - classifier.info.log_odds(classifier.scores(left))
    np.testing.assert_allclose([word.weight for word in found.words], lost, atol=1e-3)
    assert found.passes == 7


HOSTILE = "Great \x1b[31m[bold]buy[/bold]\u202e it\x07\n<script>alert(1)</script> \\"


def test_nothing_in_a_text_is_obeyed(
    words_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_artifact(tmp_path / "words", info("tfidf"), words_model)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["explain", "--artifact", str(tmp_path / "words"), "--text", HOSTILE]) == 0
    out = capsys.readouterr().out
    assert "Great \\x1b[31m[bold]buy[/bold]\\u202e it\\x07\n<script>alert(1)</script> \\" in out
    assert all(letter.isprintable() or letter == "\n" for letter in out)
    assert max(map(len, out.splitlines())) <= 60
    assert main(["explain", "--artifact", str(tmp_path / "words"), "--text", HOSTILE, "--json"]) == 0
    out = capsys.readouterr().out
    assert (out.count("\n"), out.isascii()) == (1, True)
    told = json.loads(out)
    assert told["text"] == HOSTILE
    assert told["text_sha256"] == text_sha256(HOSTILE)
    assert next(HOSTILE[start:end] for start, end, _ in told["words"]) == "Great"


def test_a_profile_says_how_familiar_a_text_is() -> None:
    profile: Any = SimpleNamespace(familiar=lambda texts: np.array([0.25] * len(texts)))
    classifier = Classifier(info("svm"), Counting(), "texts", profile)  # type: ignore[arg-type]
    assert [each and each.familiar for each in classifier.explain([None, "good"])] == [None, 0.25]
