from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from reviewtune.errors import ArtifactError, DataError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.logreg import LogRegFamily, LogRegParams
from reviewtune.families.sklearn_model import MODEL_FILE
from reviewtune.families.tfidf import TfidfFamily, TfidfModel, TfidfParams, _packed

TEXTS = ["Very Good Tent", "very good tent", "Good Tent Pole", "good tent pole"] * 3
FAKE = np.array([True, False] * 6)


def fit(texts: list[str] = TEXTS, fake: np.ndarray = FAKE, **params: object) -> TfidfModel:
    (epoch,) = TfidfFamily().fit(TfidfParams(**params), Rows(texts, fake), Setting())
    return epoch.model


def vocabulary(**params: object) -> set[str]:
    return set(fit(**params).pipeline[0].vocabulary_)


def test_the_default_tells_capitals_apart() -> None:
    assert ((fit().scores(TEXTS) > 0) == FAKE).all()


def test_lowercase_forgets_capitals() -> None:
    scores = fit(lowercase=True).scores(TEXTS)
    np.testing.assert_allclose(scores[0], scores[1])


def test_words_start_at_one_and_characters_at_two() -> None:
    words = vocabulary(analyzer="word", ngram_max=2)
    assert {len(term.split()) for term in words} == {1, 2}
    assert {len(term) for term in vocabulary(ngram_max=4)} == {2, 3, 4}
    assert {len(term) for term in vocabulary(ngram_max=1)} == {1}


def test_rare_terms_are_left_out() -> None:
    assert "very good tent" in vocabulary(analyzer="word", ngram_max=3, min_df=3)
    assert "very good tent" not in vocabulary(analyzer="word", ngram_max=3, min_df=4)


def test_max_features_keeps_the_most_frequent() -> None:
    assert vocabulary(analyzer="word", ngram_max=1, max_features=2, lowercase=True) == {"good", "tent"}


@pytest.mark.parametrize(("name", "kind"), [("linear_svm", LinearSVC), ("logistic_regression", LogisticRegression)])
def test_the_classifier_is_the_one_named(name: str, kind: type) -> None:
    assert type(fit(classifier=name, C=2.0).pipeline[1]) is kind
    assert fit(classifier=name, C=2.0).pipeline[1].C == 2.0


@pytest.mark.parametrize(("texts", "min_df"), [(["", " "], 1), (["only once", "another text"], 2)])
def test_no_term_left_is_refused_in_one_line(texts: list[str], min_df: int) -> None:
    with pytest.raises(DataError, match=rf"min_df={min_df} of 2 reviews .*lower min_df") as refusal:
        fit(texts, np.array([True, False]), analyzer="word", min_df=min_df)
    assert "\n" not in str(refusal.value)


def test_plain_skops_opens_the_artifact(tmp_path: Path) -> None:
    model = fit()
    model.save(tmp_path)
    pipeline = skops.io.load(tmp_path / MODEL_FILE, trusted=[])
    np.testing.assert_array_equal(pipeline.decision_function(TEXTS), model.scores(TEXTS))


def test_saving_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = fit()
    before = dict(vars(model.pipeline[0]))
    model.save(tmp_path)
    assert vars(model.pipeline[0]) == before


@pytest.mark.parametrize("odd", ["NUL\0 NUL\0", "x" * 500, "caf\u00e9 \U0001f600 \ud800", "a\nb\r\n c"])
def test_odd_texts_survive_the_artifact(tmp_path: Path, odd: str) -> None:
    model = fit([*TEXTS, odd, odd], np.append(FAKE, [True, False]), analyzer="char", ngram_max=6, min_df=1)
    model.save(tmp_path)
    texts = [*TEXTS, odd]
    np.testing.assert_array_equal(TfidfFamily().load(tmp_path).scores(texts), model.scores(texts))


@given(st.lists(st.text(min_size=1, max_size=150), min_size=1, unique=True))
def test_packing_keeps_every_term(terms: list[str]) -> None:
    assert list(_packed(terms)) == terms


def test_the_model_of_another_family_is_refused(tmp_path: Path) -> None:
    rows = Rows(np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32), FAKE)
    (epoch,) = LogRegFamily().fit(LogRegParams(), rows, Setting())
    epoch.model.save(tmp_path)
    with pytest.raises(ArtifactError, match=r"TfidfVectorizer, LinearSVC\|LogisticRegression, not of StandardScaler"):
        TfidfFamily().load(tmp_path)
