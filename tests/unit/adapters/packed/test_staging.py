"""Which few shapes passes are rounded up to: each shape is compiled and recorded once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.adapters.packed.staging import PassShape

lengths = st.lists(st.integers(1, 512), min_size=1, max_size=400).map(np.array)


@pytest.mark.parametrize(
    ("tokens", "rounded"),
    [
        (1, 256),
        (256, 256),
        (257, 512),
        (8_192, 8_192),
        (8_193, 8_448),
        (16_384, 16_384),
        (16_385, 16_896),
        (40_000, 40_960),
    ],
)
def test_tokens_are_rounded_up_by_a_thirty_second_or_256(tokens: int, rounded: int) -> None:
    shape = PassShape.around(np.full(tokens, 1), most=512)
    assert shape.tokens == rounded


@pytest.mark.parametrize(
    ("most", "longest"), [(1, 128), (127, 128), (128, 128), (129, 256), (256, 256), (257, 512), (512, 512)]
)
def test_the_longest_review_is_told_as_the_power_of_two_above_it(most: int, longest: int) -> None:
    shape = PassShape.around(np.array([1]), most=most)
    assert (shape.longest, shape.filler) == (longest, most)


@given(lengths=lengths)
def test_a_shape_has_room_for_its_reviews_and_those_that_round_it_up(lengths: np.ndarray) -> None:
    shape = PassShape.around(lengths, most=512)
    left = shape.tokens - int(lengths.sum())
    assert 0 <= left <= max(255, int(lengths.sum()) // 32 + 1)
    assert shape.reviews - len(lengths) >= -(-left // 512)
    assert shape.reviews % 32 == 0
    assert shape.reviews <= max(32, 1.25 * (len(lengths) + 1 + left // 512) + 32)


def test_an_exact_shape_is_that_of_its_reviews() -> None:
    assert PassShape.exactly(np.array([3, 9, 4])) == PassShape(16, 3, 9, 9)
    assert PassShape.exactly(np.array([], dtype=np.int64)) == PassShape(0, 0, 1, 1)
