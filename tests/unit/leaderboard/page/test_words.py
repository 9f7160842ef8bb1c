import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reviewtune.leaderboard.page.listed import Listed, Marked
from reviewtune.leaderboard.page.words import Texts, with_words

TEXT = "It broke\ntwice, great <b>seller</b>."
LISTED = Listed(("id", "text"), (("a", "shown"), ("b", "other")), 0, ())


@pytest.fixture
def results(tmp_path):
    (tmp_path / "store" / "reviews").mkdir(parents=True)
    pq.write_table(pa.table({"id": ["a", "b"], "text": [TEXT, "other"]}), tmp_path / "store" / "reviews" / "r.parquet")
    return tmp_path


def explain(folder, words, text=TEXT):
    kept = {"id": "a", "text_sha256": hashlib.sha256(text.encode()).hexdigest(), "words": words}
    (folder / "explanations.json").write_text(json.dumps({"made": "now", "explanations": [kept]}))


def test_words_are_marked_by_their_weight_in_the_text(results):
    explain(results, [[3, 8, 0.9], [16, 21, -0.4], [9, 14, 0.01]])
    found = with_words(LISTED, results, Texts(results))
    assert found.head == ("id", "text", "why")
    assert found.rows[0][1] == (
        Marked("It ", 0), Marked("broke", 3), Marked(" ", 0), Marked("twice", 0), Marked(", ", 0),
        Marked("great", -1), Marked(" <b>seller</b>.", 0),
    )  # fmt: skip
    assert found.rows[0][2] == "broke +0.90, great -0.40, twice +0.01"
    assert found.rows[1] == ("b", "other", "")


def test_a_long_text_is_cut_behind_a_word(tmp_path):
    text = "word " * 200
    (tmp_path / "store" / "reviews").mkdir(parents=True)
    pq.write_table(pa.table({"id": ["a"], "text": [text]}), tmp_path / "store" / "reviews" / "r.parquet")
    explain(tmp_path, [[5 * place, 5 * place + 4, 0.1] for place in range(200)], text)
    pieces = with_words(LISTED, tmp_path, Texts(tmp_path)).rows[0][1]
    assert sum(len(piece.text) for piece in pieces) <= 306
    assert pieces[-1].text.endswith("\u2026")


@pytest.mark.parametrize(
    "words",
    [[[3, 8]], [[3, 99, 1.0]], [[-2, 3, 1.0]], [[3, 8, 1.0], [5, 9, 1.0]], [[3, 3, 1]], "x", [["a", 2, 1.0]], []],
)
def test_places_that_do_not_fit_mark_nothing(results, words):
    explain(results, words)
    assert with_words(LISTED, results, Texts(results)) == LISTED


def test_words_of_another_text_or_none_mark_nothing(results):
    assert with_words(LISTED, results, Texts(results)) == LISTED
    explain(results, [[3, 8, 0.9]], "another")
    assert with_words(LISTED, results, Texts(results)) == LISTED
    (results / "explanations.json").write_text("[1]")
    assert with_words(LISTED, results, Texts(results)) == LISTED
    assert with_words(None, results, Texts(results)) is None
