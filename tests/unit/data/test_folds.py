import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.folds import LEAST_ROWS, make_folds


def test_single_reviews_are_cut_into_equal_folds_with_equal_shares_of_fakes() -> None:
    fake = np.arange(100) < 30
    fold_of, folds = make_folds(np.arange(100), fake, folds=5, seed=1)
    assert folds == 5
    assert np.bincount(fold_of).tolist() == [20] * 5
    assert np.bincount(fold_of[fake]).tolist() == [6] * 5


def test_the_seed_alone_decides_among_equals() -> None:
    fake = np.arange(60) % 2 == 0
    one, again, other = (make_folds(np.arange(60), fake, folds=3, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@given(st.lists(st.integers(0, 30), min_size=40, max_size=120), st.integers(2, 6), st.integers(0, 5))
def test_units_stay_whole_and_every_fold_can_be_trained_and_judged(units: list[int], folds: int, seed: int) -> None:
    labels = np.arange(len(units)) % 3 == 0
    fold_of, made = make_folds(np.array(units), labels, folds=folds, seed=seed)
    assert 1 <= made <= folds
    for unit in set(units):
        assert len(set(fold_of[np.array(units) == unit])) == 1
    for fold in range(made if made > 1 else 0):
        for label in (False, True):
            inside = np.sum((fold_of == fold) & (labels == label))
            assert LEAST_ROWS <= inside <= np.sum(labels == label) - LEAST_ROWS


@pytest.mark.parametrize(("fakes", "made"), [(9, 4), (4, 2), (3, 1), (0, 1)])
def test_there_are_fewer_folds_where_there_are_few_fakes(fakes: int, made: int) -> None:
    """Two of each class at least in each."""
    fold_of, folds = make_folds(np.arange(80), np.arange(80) < fakes, folds=5, seed=0)
    assert folds == made
    assert len(np.unique(fold_of)) == made


def test_one_large_unit_leaves_no_fold() -> None:
    fold_of, folds = make_folds(np.zeros(50, dtype=np.int64), np.arange(50) % 2 == 0, folds=5, seed=0)
    assert folds == 1
    assert not fold_of.any()
