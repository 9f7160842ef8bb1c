"""What is measured of a text."""

from zlib import crc32

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.traits import SKETCH, SURFACE, TRAITS, hashed_tokens, traits_of


def test_tokens_are_words_signs_and_single_ideographs() -> None:
    hashes, ends = hashed_tokens(["It's 5!", "", "好吃ab"])
    tokens = ["It", "'", "s", "5", "!", "好", "吃", "ab"]
    assert hashes.tolist() == [crc32(token.encode()) for token in tokens]
    assert ends.tolist() == [0, 5, 5, 8]


def test_the_surface_is_counted() -> None:
    text = "Good, GOOD 5 café!"
    surface = traits_of([text])[0, :SURFACE]
    length = len(text)
    expected = [np.log(length), 5 / length, 1 / length, 1 / length, 3 / length, 0, 1 / length, 1 / length, 0]
    np.testing.assert_allclose(surface, [*expected, 1, np.log(length / 4), 1], rtol=1e-6)


def test_the_sketch_sums_signed_tokens_over_the_root_of_the_length() -> None:
    both, one = traits_of(["good bad", "good"])[:, SURFACE:], traits_of(["bad"])[0, SURFACE:]
    np.testing.assert_allclose(both[0] * np.sqrt(8), both[1] * 2 + one * np.sqrt(3), rtol=1e-6)
    number = crc32(b"good")
    assert both[1][number % SKETCH] == (1 if number >> 20 & 1 else -1) / 2
    assert np.count_nonzero(both[1]) == 1


@given(st.lists(st.text(), max_size=4))
def test_any_text_has_finite_traits(texts: list[str]) -> None:
    traits = traits_of(texts)
    assert traits.shape == (len(texts), TRAITS)
    assert np.isfinite(traits).all()
