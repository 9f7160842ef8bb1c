"""What characters add is the score, whatever the n-grams are."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewtune.families.base import Additive, Rows, Setting
from reviewtune.families.tfidf import TfidfFamily, TfidfParams
from reviewtune.families.tfidf_parts import elements

TEXTS = ["Great café, works GREAT as  described.", "the strap broke twice", "love it\n\nlove it", "the lid is İffy"]
FAKE = np.array([True, False, True, False])
CASES: list[dict[str, Any]] = [
    {}, {"lowercase": True, "sublinear_tf": True}, {"analyzer": "char", "ngram_max": 3, "lowercase": True},
    {"analyzer": "word", "word_ngram_max": 2, "min_df": 1}, {"classifier": "logistic_regression", "max_features": 50},
    {"analyzer": "char", "ngram_max": 1},
]  # fmt: skip


@cache
def model(number: int) -> Any:
    rows = Rows(TEXTS * 3, np.tile(FAKE, 3))
    return next(iter(TfidfFamily().fit(TfidfParams(**CASES[number]), rows, Setting()))).model


TEXT = st.text(
    st.sampled_from("aeirt GLO,.!\n\t\u00a0\u0130\u03a3\u00e9") | st.characters(exclude_categories=["Cs"]), max_size=60
)


@pytest.mark.parametrize("number", range(len(CASES)))
@settings(max_examples=40, deadline=None)
@given(text=TEXT)
def test_the_parts_and_the_intercept_are_the_score(number: int, text: str) -> None:
    fitted = model(number)
    assert isinstance(fitted, Additive)
    for own in (text, TEXTS[0] + text):
        intercept, parts = fitted.text_parts(own)
        assert parts.shape == (len(own),)
        # A logistic regression that was fitted on single precision scores in it.
        close = 1e-6 if CASES[number].get("classifier") == "logistic_regression" else 1e-9
        assert intercept + parts.sum() == pytest.approx(fitted.scores([own])[0], rel=close, abs=close)


@pytest.mark.parametrize("number", range(len(CASES)))
@settings(max_examples=40, deadline=None)
@given(text=TEXT)
def test_the_elements_make_the_n_grams_of_scikit_learn(number: int, text: str) -> None:
    union = model(number).pipeline.steps[0][1]
    for _, vectorizer in union.transformer_list:
        pieces, places, joiner = elements(vectorizer, text)
        shortest, longest = vectorizer.ngram_range
        terms = [
            joiner.join(pieces[start : start + size])
            for size in range(shortest, longest + 1)
            for start in range(len(pieces) - size + 1)
        ]
        assert sorted(terms) == sorted(vectorizer.build_analyzer()(text))
        assert all(0 <= start < end <= len(text) for start, end in places)


def test_what_a_word_adds_stands_where_the_word_does() -> None:
    fitted = model(3)
    _, parts = fitted.text_parts("zzz love zzz")
    assert parts[4:8].sum() > 0
    np.testing.assert_array_equal(parts[:3], 0)
    # Of two, each has half.
    _, twice = fitted.text_parts("love.zzz.love")
    np.testing.assert_allclose(twice[:4], twice[-4:])
