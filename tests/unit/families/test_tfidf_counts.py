"""Features of shared counts are those of scikit-learn's vectorizer, whatever the texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from reviewtune.data.sample import generate
from reviewtune.data.surface import surface
from reviewtune.errors import ArtifactError, DataError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.rules import RulesFamily, RulesParams
from reviewtune.families.shared import SharedTexts
from reviewtune.families.tfidf import WORD_PATTERN, CountedTfidfModel, TfidfFamily, TfidfModel, TfidfParams
from reviewtune.families.tfidf_counts import count_ngrams, fit_columns

FAST = Setting(fast=True)
LETTERS = "abB !.?\t\n,éİﬁ9_"


def made(texts: list[str], fixed: dict[str, Any] | None = None, family: Any = TfidfFamily) -> SharedTexts:
    """The texts, with all that the family's trials share."""
    work = {name: do(texts) for name, do in family().shared_work(fixed or {}).items()}
    return SharedTexts(texts, np.arange(len(texts)), work.__getitem__)


def same(found: Any, expected: Any) -> bool:
    """Equal but for the order of sums in single precision."""
    return bool(
        (found.shape, found.dtype) == (expected.shape, expected.dtype)
        and np.array_equal(found.toarray() != 0, expected.toarray() != 0)
        and np.allclose(found.toarray(), expected.toarray(), rtol=1e-5, atol=0)
    )


@given(
    st.lists(st.text(LETTERS, max_size=30), min_size=3, max_size=12),
    st.sampled_from(["char", "word"]),
    st.tuples(st.integers(1, 3), st.integers(0, 3)),
    st.integers(1, 3),
    st.sampled_from([None, 1, 5, 40]),
    st.booleans(),
    st.booleans(),
)
def test_features_are_those_of_the_vectorizer(
    texts: list[str],
    kind: str,
    lengths: tuple[int, int],
    min_df: int,
    max_features: int | None,
    lowercase: bool,
    sublinear_tf: bool,
) -> None:
    shape: dict[str, Any] = {
        "analyzer": kind,
        "token_pattern": WORD_PATTERN if kind == "word" else None,
        "lowercase": lowercase,
        "dtype": np.float32,
    }
    counts = count_ngrams(texts, TfidfVectorizer(ngram_range=(1, 6), **shape))
    asked: dict[str, Any] = {"ngram_range": (lengths[0], sum(lengths)), "min_df": min_df, "max_features": max_features}
    vectorizer = TfidfVectorizer(**asked, **shape, sublinear_tf=sublinear_tf)
    train, held_out = np.arange(len(texts) - 1, 0, -1), np.array([0, 1])
    try:
        expected = vectorizer.fit_transform([texts[row] for row in train])
    except ValueError:
        with pytest.raises(ValueError, match="no terms remain"):
            fit_columns(counts[train], vectorizer)
        return
    fitted, features = fit_columns(counts[train], vectorizer)
    assert same(features, expected)
    assert same(fitted.features(counts[train]), expected)
    assert same(fitted.features(counts[held_out]), vectorizer.transform([texts[row] for row in held_out]))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"analyzer": "word", "word_ngram_max": 2, "lowercase": True, "classifier": "logistic_regression"},
        {"analyzer": "char", "ngram_max": 3, "min_df": 4, "max_features": 300, "sublinear_tf": True, "C": 0.3},
        {"ngram_max": 2, "word_ngram_max": 1, "lowercase": True},
    ],
    ids=repr,
)
def test_a_trial_on_shared_counts_says_what_one_on_texts_says(params: dict[str, Any]) -> None:
    table = generate(120, seed=3)
    texts, fake = table["text"].to_pylist(), np.array([label == "fake" for label in table["label"].to_pylist()])
    train, held_out = np.arange(20, 120), np.array([3, 1, 19])
    models = []
    for inputs in (texts, made(texts)):
        rows = Rows(inputs, fake)
        (leg,) = TfidfFamily().fit(TfidfParams(**params), rows.take(train), FAST)
        models.append(type(leg.model))
        scores = [leg.model.scores(rows.take(own).inputs) for own in (train, held_out, held_out[:0])]
        if len(models) == 1:
            expected = scores
    assert models == [TfidfModel, CountedTfidfModel]
    for found, own in zip(scores, expected, strict=True):
        np.testing.assert_allclose(found, own, atol=1e-4)


def test_what_no_trial_may_ask_for_is_not_counted() -> None:
    named = TfidfFamily().shared_work
    assert list(named({})) == ["char", "char in small letters", "word", "word in small letters"]
    assert list(named({"analyzer": "word", "lowercase": True})) == ["word in small letters"]
    assert list(named({"analyzer": "char", "lowercase": False})) == ["char"]
    all_of_it, half = (TfidfFamily().shared_bytes(1000, fixed) for fixed in ({}, {"lowercase": False}))
    assert all_of_it == 2 * half > 8_000


def test_other_ngrams_and_slow_settings_read_the_texts() -> None:
    texts = ["great tent", "the zip broke"] * 5
    train = Rows(made(texts), np.array([True, False] * 5))
    other = TfidfParams(word_ngram_max=7), TfidfParams(analyzer="char", ngram_max=1)
    for params, setting in ((other[0], FAST), (other[1], FAST), (TfidfParams(), Setting())):
        (leg,) = TfidfFamily().fit(params, train, setting)
        assert isinstance(leg.model, TfidfModel)


def test_a_model_of_counts_is_not_saved(tmp_path: Path) -> None:
    train = Rows(made(["great tent", "the zip broke"] * 5), np.array([True, False] * 5))
    (leg,) = TfidfFamily().fit(TfidfParams(), train, FAST)
    with pytest.raises(ArtifactError, match="fast=False"):
        leg.model.save(tmp_path)


def test_that_nothing_is_frequent_enough_is_said_of_counts_too() -> None:
    train = Rows(made(["great", "zip"]), np.array([True, False]))
    with pytest.raises(DataError, match="min_df=2 of 2 reviews"):
        list(TfidfFamily().fit(TfidfParams(analyzer="word"), train, FAST))


def test_rules_read_the_shared_features_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    table = generate(200, seed=5)
    texts, fake = table["text"].to_pylist(), np.array([label == "fake" for label in table["label"].to_pylist()])
    shared = Rows(made(texts, family=RulesFamily), fake)
    (expected,) = RulesFamily().fit(RulesParams(), Rows(texts, fake), FAST)
    scores = expected.model.scores(texts[:7])
    monkeypatch.setattr("reviewtune.families.rules.surface", None)
    (leg,) = RulesFamily().fit(RulesParams(), shared, FAST)
    np.testing.assert_array_equal(leg.model.scores(shared.take(np.arange(7)).inputs), scores)
    assert RulesFamily().shared_bytes(sum(map(len, texts)), {}) > surface(texts).nbytes


def test_shared_texts_are_read_as_a_list_is() -> None:
    texts = SharedTexts(["a", "b", "c", "d"], np.array([3, 1, 0]), {}.__getitem__)
    assert (list(texts), texts[0], texts[1:], len(texts)) == (["d", "b", "a"], "d", ["b", "a"], 3)
    assert list(texts.take(np.array([2, 0]))) == ["a", "d"]
