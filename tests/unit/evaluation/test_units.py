import numpy as np
import pytest

from reviewtune.errors import DataError
from reviewtune.evaluation.units import Counts


def test_reviews_are_counted_in_their_units_whatever_their_numbers_and_order():
    fake = [True, True, False, False, True]
    called = [True, False, True, False, True]
    counts = Counts.of(fake, called, fake, units=[70, -3, 70, 70, -3])
    # Unit -3 comes first: a miss and a hit; unit 70: a hit, a false alarm and a genuine review left alone.
    assert counts.hits.tolist() == [[1, 1], [2, 1]]
    assert counts.errors.tolist() == [[1, 1], [0, 0]]
    assert counts.fakes.tolist() == [[2, 1], [2, 1]]
    assert counts.several.tolist() == [True, True]


def test_without_units_every_review_stands_alone():
    counts = Counts.of([True, False], [True, True])
    assert (counts.hits.tolist(), counts.errors.tolist()) == ([[1, 0]], [[0, 1]])
    assert not counts.several.any()
    assert Counts.of([True, False], [True, True], units=[5, 4]).several.tolist() == [False, False]


@pytest.mark.parametrize("units", [[0], [0.5, 1.5], [[0, 1]], ["a", "b"]])
def test_units_are_one_integer_a_review(units):
    with pytest.raises(DataError, match="units must hold one integer a review"):
        Counts.of([True, False], [True, True], units=np.array(units))


def test_labels_are_checked_by_name():
    with pytest.raises(DataError, match="predicted_1 has 1 labels, but fake has 2"):
        Counts.of([True, False], [True, True], [True])
