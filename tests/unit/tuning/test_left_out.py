import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.folds import LEAST_ROWS
from reviewtune.tuning.left_out import leave_out

ROW = st.tuples(st.sampled_from("abcd"), st.integers(0, 30), st.booleans())


@given(rows=st.lists(ROW, min_size=1, max_size=60), most=st.integers(0, 5))
def test_no_unit_is_trained_on_and_judges_and_each_source_is_left_out_whole_or_said(
    rows: list[tuple[str, int, bool]], most: int
) -> None:
    sources, units, fake = (np.array(values) for values in zip(*rows, strict=True))
    found = leave_out(sources.astype(object), units, fake, seed=3, most=most)
    names = set(sources.tolist())
    assert set(found.folds) | set(found.kept) == (names if len(names) > 1 and most else set())
    assert not set(found.folds) & set(found.kept)
    assert len(found.folds) <= most
    for name, fold in found.folds.items():
        assert (sources[fold.held_out] == name).all()
        assert len(fold.held_out) == (sources == name).sum()
        assert not np.isin(units[fold.train], units[fold.held_out]).any()
        related = np.isin(units, units[fold.held_out])
        assert len(fold.train) == (~related).sum()
        assert min(fake[fold.train].sum(), (~fake[fold.train]).sum()) >= LEAST_ROWS
        assert (fold.seed, fold.first_rung) == (3, None)


SOURCES = np.repeat(np.array(["hotels", "shops", "sites"], dtype=object), [8, 6, 4])
FAKE = np.tile([True, False], 9)


def test_the_folds_are_named_and_told_of() -> None:
    found = leave_out(SOURCES, np.arange(18), FAKE, seed=1, most=10)
    assert list(found.named()) == ["without hotels", "without shops", "without sites"]
    (line,) = found.lines()
    assert line == "unseen: what is chosen is trained once more without each of hotels, shops, sites, and scored on it"


def test_the_largest_are_left_out_where_there_are_many() -> None:
    found = leave_out(SOURCES, np.arange(18), FAKE, seed=1, most=2)
    assert list(found.folds) == ["hotels", "shops"]
    assert list(found.lines())[1:] == [
        "unseen: nothing is trained without sites, since 2 others have more reviews (--unseen-sources)"
    ]


def test_many_small_sources_are_one_line() -> None:
    sources = np.array(["a", "b"] * 20 + [f"site {number}" for number in range(40)], dtype=object)
    found = leave_out(sources, np.arange(80), np.arange(80) % 4 < 2, seed=1, most=2)
    assert list(found.lines())[1:] == [
        "unseen: nothing is trained without 40 sources, since 2 others have more reviews (--unseen-sources)"
    ]


@pytest.mark.parametrize(("units", "rows"), [(np.arange(18), 0), (np.r_[np.arange(17), 0], 0)])
def test_a_source_that_alone_has_a_class_is_not_left_out(units: np.ndarray, rows: int) -> None:
    fake = FAKE & (SOURCES == "hotels")
    found = leave_out(SOURCES, units, fake, seed=1, most=10)
    assert list(found.folds) == ["shops", "sites"]
    assert found.kept["hotels"] == f"the other sources have {rows} fake reviews that are not related to its own"
