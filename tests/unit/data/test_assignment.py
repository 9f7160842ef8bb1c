"""Units stay together, and go where they are wanted most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.assignment import assign_units, join_units

TARGETS = np.array([[72, 36], [8, 4], [20, 10]])


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.sampled_from("abcd"), max_size=3)), max_size=20))
def test_units_are_the_chains_of_clusters_and_groups(rows: list[tuple[int, list[str]]]) -> None:
    _, clusters = np.unique([cluster for cluster, _ in rows], return_inverse=True)
    groups = [names or None for _, names in rows]
    units = join_units(clusters.astype(np.int64), groups)
    reached = np.eye(len(rows), dtype=bool)
    for i, j in np.ndindex(len(rows), len(rows)):
        reached[i, j] |= clusters[i] == clusters[j] or bool(set(groups[i] or ()) & set(groups[j] or ()))
    for _ in rows:
        reached = reached @ reached
    np.testing.assert_array_equal(units[:, None] == units[None, :], reached)


def test_units_of_one_row_meet_the_targets_exactly() -> None:
    fake = np.arange(150) >= 100
    split_of = assign_units(np.arange(150), fake, TARGETS, seed=0)
    counts = [[np.sum((split_of == split) & (fake == label)) for label in (False, True)] for split in range(3)]
    np.testing.assert_array_equal(counts, TARGETS)


def test_clusters_spread_over_the_splits_in_proportion() -> None:
    units = np.repeat(np.arange(50), 3)
    split_of = assign_units(units, np.arange(150) >= 100, TARGETS, seed=0)
    rows = np.bincount(split_of)
    assert (np.abs(rows - TARGETS.sum(axis=1)) <= 3).all()


def test_a_unit_that_is_too_large_for_the_small_splits_goes_to_the_large_one() -> None:
    units = np.concatenate([np.zeros(60, dtype=np.int64), np.arange(1, 91)])
    split_of = assign_units(units, np.arange(150) % 3 == 0, TARGETS, seed=0)
    assert set(split_of[:60]) == {0}
    np.testing.assert_array_equal(np.bincount(split_of), TARGETS.sum(axis=1))


@pytest.mark.parametrize("seed", range(3))
def test_the_seed_decides_among_equals(seed: int) -> None:
    fake = np.arange(150) >= 100
    first, again, other = (assign_units(np.arange(150), fake, TARGETS, seed=value) for value in (seed, seed, seed + 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
