import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.share import LEAST_ROWS, nested_share

FAKE = np.arange(1000) % 5 == 0


@pytest.mark.parametrize("share", [0.1, 0.25, 1.0])
def test_each_class_has_its_share(share: float) -> None:
    rows = nested_share(FAKE, share, seed=3)
    assert (FAKE[rows].sum(), (~FAKE[rows]).sum()) == (200 * share, 800 * share)
    assert rows.tolist() == sorted(set(rows.tolist()))


@given(
    fake=st.lists(st.booleans(), min_size=1, max_size=60),
    shares=st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)),
    seed=st.integers(0, 9),
)
def test_a_smaller_share_is_part_of_a_larger_one(fake: list[bool], shares: tuple[float, float], seed: int) -> None:
    small, large = (set(nested_share(np.array(fake), share, seed=seed).tolist()) for share in sorted(shares))
    assert small <= large


def test_the_seed_alone_draws_the_rows() -> None:
    once, again, other = (nested_share(FAKE, 0.1, seed=seed).tolist() for seed in (1, 1, 2))
    assert once == again
    assert len(set(once) & set(other)) < 50


def test_no_class_is_left_out() -> None:
    rows = nested_share(FAKE, 1e-6, seed=0)
    assert (FAKE[rows].sum(), (~FAKE[rows]).sum()) == (LEAST_ROWS, LEAST_ROWS)
