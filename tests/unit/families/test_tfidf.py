import re
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from reviewtune.errors import ArtifactError, DataError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.logreg import LogRegFamily, LogRegParams
from reviewtune.families.sklearn_model import MODEL_FILE
from reviewtune.families.tfidf import WORD_PATTERN, TfidfFamily, TfidfModel, TfidfParams, _packed

TEXTS = ["Very Good Tent", "very good tent", "Good Tent Pole", "good tent pole"] * 3
FAKE = np.array([True, False] * 6)


def fit(texts: list[str] = TEXTS, fake: np.ndarray = FAKE, **params: object) -> TfidfModel:
    (epoch,) = TfidfFamily().fit(TfidfParams(**params), Rows(texts, fake), Setting())
    return epoch.model


def vocabularies(**params: object) -> dict[str, set[str]]:
    return {kind: set(vectorizer.vocabulary_) for kind, vectorizer in fit(**params).pipeline[0].transformer_list}


def vocabulary(analyzer: str, **params: object) -> set[str]:
    return vocabularies(analyzer=analyzer, **params)[analyzer]


def test_the_default_tells_capitals_apart() -> None:
    assert ((fit().scores(TEXTS) > 0) == FAKE).all()


def test_lowercase_forgets_capitals() -> None:
    scores = fit(lowercase=True).scores(TEXTS)
    np.testing.assert_allclose(scores[0], scores[1])


def test_the_default_unites_the_terms_of_both_kinds() -> None:
    both = vocabularies(ngram_max=4, word_ngram_max=3)
    assert list(both) == ["char", "word"]
    assert both["char"] == vocabulary("char", ngram_max=4)
    assert both["word"] == vocabulary("word", word_ngram_max=3)
    assert fit(ngram_max=4, word_ngram_max=3).pipeline[1].n_features_in_ == sum(map(len, both.values()))


def test_tokens_start_at_one_and_characters_at_two() -> None:
    assert vocabulary("word", word_ngram_max=2) == {
        *("Very", "very", "Good", "good", "Tent", "tent", "Pole", "pole", " "),
        *("Very  ", "very  ", "Good  ", "good  ", "Tent  ", "tent  "),
        *("  Good", "  good", "  Tent", "  tent", "  Pole", "  pole"),
    }
    assert {len(term) for term in vocabulary("char", ngram_max=4)} == {2, 3, 4}
    assert {len(term) for term in vocabulary("char", ngram_max=1)} == {1}


def test_punctuation_and_white_space_are_tokens() -> None:
    texts = ["well-made!\n\nI it's 5  stars..."] * 2
    (epoch,) = TfidfFamily().fit(
        TfidfParams(analyzer="word", word_ngram_max=1), Rows(texts, np.array([True, False])), Setting()
    )
    tokens = {"well", "-", "made", "!", "\n\n", "I", " ", "it", "'", "s", "5", "  ", "stars", "."}
    assert set(dict(epoch.model.pipeline[0].transformer_list)["word"].vocabulary_) == tokens


@given(st.text())
def test_tokens_leave_out_no_character(text: str) -> None:
    assert "".join(re.findall(WORD_PATTERN, text)) == text


def test_rare_terms_are_left_out() -> None:
    assert "very" in vocabulary("word", word_ngram_max=3, min_df=3)
    assert "very" not in vocabulary("word", word_ngram_max=3, min_df=4)


def test_max_features_keeps_the_most_frequent_of_each_kind() -> None:
    kept = vocabularies(word_ngram_max=1, ngram_max=2, max_features=3, lowercase=True)
    assert kept["word"] == {" ", "good", "tent"}
    assert len(kept["char"]) == 3


@pytest.mark.parametrize(("name", "kind"), [("linear_svm", LinearSVC), ("logistic_regression", LogisticRegression)])
def test_the_classifier_is_the_one_named(name: str, kind: type) -> None:
    assert type(fit(classifier=name, C=2.0).pipeline[1]) is kind
    assert fit(classifier=name, C=2.0).pipeline[1].C == 2.0


@pytest.mark.parametrize("analyzer", ["char+word", "char", "word"])
@pytest.mark.parametrize(("texts", "min_df"), [(["", ""], 1), (["abc", "xyz"], 2)])
def test_no_term_left_is_refused_in_one_line(analyzer: str, texts: list[str], min_df: int) -> None:
    words = rf"analyzer={re.escape(analyzer)} in min_df={min_df} of 2 reviews .*lower min_df"
    with pytest.raises(DataError, match=words) as refusal:
        fit(texts, np.array([True, False]), analyzer=analyzer, min_df=min_df)
    assert "\n" not in str(refusal.value)


def test_plain_skops_opens_the_artifact(tmp_path: Path) -> None:
    model = fit()
    model.save(tmp_path)
    pipeline = skops.io.load(tmp_path / MODEL_FILE, trusted=[])
    np.testing.assert_array_equal(pipeline.decision_function(TEXTS), model.scores(TEXTS))


def test_saving_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = fit()
    union = model.pipeline[0]
    parts = list(union.transformer_list)
    before = [dict(vars(vectorizer)) for _, vectorizer in parts]
    model.save(tmp_path)
    assert union.transformer_list == parts
    assert [vars(vectorizer) for _, vectorizer in parts] == before


@pytest.mark.parametrize("analyzer", ["char+word", "char", "word"])
def test_a_loaded_model_scores_as_the_saved_one_and_saves_again_unused(tmp_path: Path, analyzer: str) -> None:
    model = fit(analyzer=analyzer)
    model.save(tmp_path)
    TfidfFamily().load(tmp_path).save(tmp_path)
    np.testing.assert_array_equal(TfidfFamily().load(tmp_path).scores(TEXTS), model.scores(TEXTS))


def test_each_vocabulary_is_one_array_in_the_artifact(tmp_path: Path) -> None:
    fit().save(tmp_path)
    pipeline = skops.io.load(tmp_path / MODEL_FILE, trusted=[])
    assert [type(vectorizer.vocabulary) for _, vectorizer in pipeline[0].transformer_list] == [np.ndarray, np.ndarray]


@pytest.mark.parametrize("odd", ["NUL\0 NUL\0", "x" * 500, "caf\u00e9 \U0001f600 \ud800", "a\nb\r\n c"])
def test_odd_texts_survive_the_artifact(tmp_path: Path, odd: str) -> None:
    model = fit([*TEXTS, odd, odd], np.append(FAKE, [True, False]), min_df=1)
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
    with pytest.raises(ArtifactError, match=r"FeatureUnion, LinearSVC\|LogisticRegression, not of StandardScaler"):
        TfidfFamily().load(tmp_path)


@pytest.mark.parametrize(
    "foreign", [CountVectorizer(), HashingVectorizer(), FeatureUnion([("char", TfidfVectorizer())])]
)
def test_a_foreign_estimator_in_the_union_is_refused(tmp_path: Path, foreign: object) -> None:
    union = FeatureUnion([("char", TfidfVectorizer()), ("word", foreign)])
    pipeline = Pipeline([("tfidf", union), ("classifier", LinearSVC())]).fit(TEXTS, FAKE)
    skops.io.dump(pipeline, tmp_path / MODEL_FILE)
    with pytest.raises(ArtifactError, match=f"not of TfidfVectorizer, {type(foreign).__name__}") as refusal:
        TfidfFamily().load(tmp_path)
    assert "\n" not in str(refusal.value)
