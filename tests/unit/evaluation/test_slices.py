from types import ModuleType

import numpy as np
import pytest
from scipy import stats

from reviewtune.errors import DataError
from reviewtune.evaluation.slices import FEWEST, Share, Slices, share_interval, slices
from tests.benchmark_modules import load_benchmark


def reviews(*parts: tuple[str, int, int, int, int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Labels, what they are called, and the category of reviews: hits, misses, false alarms and the rest of each."""
    truth, called, names = [], [], []
    for name, *counts in parts:
        truth += np.repeat([True, True, False, False], counts).tolist()
        called += np.repeat([True, False, True, False], counts).tolist()
        names += [name] * sum(counts)
    return np.array(truth), np.array(called), names


def test_slices_are_scored_by_hand_and_the_worst_comes_first() -> None:
    fake, called, names = reviews(("Books", 20, 20, 0, 40), ("Tools", 40, 0, 10, 30), ("Pets", 40, 0, 0, 40))
    found = slices(fake, called, {"category": names})
    assert [(each.kind, each.value) for each in found.slices] == [
        ("category", "Books"), ("category", "Tools"), ("category", "Pets"),
    ]  # fmt: skip
    books, tools, pets = found.slices
    assert (books.num_reviews, books.num_fake) == (80, 40)
    assert (books.recall.value, books.fpr.value, books.f1) == (0.5, 0.0, 2 * 20 / (2 * 20 + 20))
    assert (tools.recall.value, tools.fpr.value, tools.f1) == (1.0, 0.25, 2 * 40 / (2 * 40 + 10))
    assert pets.f1 == 1.0
    # Six intervals share 5 %: without an error n reviews bound a share by the n-th root of half of a sixth of it.
    tail = 0.05 / 6 / 2
    assert pets.recall.low == pytest.approx(tail ** (1 / 40))
    assert pets.fpr.high == pytest.approx(1 - tail ** (1 / 40))
    assert stats.binom.cdf(20, 40, books.recall.high) == pytest.approx(tail)
    assert stats.binom.sf(19, 40, books.recall.low) == pytest.approx(tail)
    # Of all 120 fakes 100 are found, of as many genuine reviews 10 are called fake.
    assert [each.worse for each in found.slices] == [
        books.recall.high < 100 / 120, tools.fpr.low > 10 / 120, False,
    ] == [True, True, False]  # fmt: skip
    assert found.too_small == {}


def test_slices_with_few_reviews_are_counted_and_not_scored() -> None:
    few = FEWEST - 1
    fake, called, names = reviews(
        ("a", FEWEST, 0, 1, few), ("b", 0, few, 0, 0), ("c", 0, 1, 0, 0), ("d", few, 0, 0, 25), ("e", 0, FEWEST, 0, few)
    )
    found = slices(fake, called, {"category": names, "same": ["x"] * len(names)})
    assert found.too_small == {"category": (2, FEWEST)}
    d, e, a = (next(each for each in found.slices if each.value == value) for value in "dea")
    assert (d.recall, d.f1, d.fpr.value) == (None, None, 0.0)
    assert (e.recall.value, e.fpr, e.f1) == (0.0, None, None)
    assert (a.recall.value, a.fpr.value) == (1.0, 1 / FEWEST)
    assert [each.value for each in found.slices] == ["e", "a", "d"]


def test_more_slices_widen_every_interval() -> None:
    fake, called, names = reviews(("a", 30, 10, 10, 30), ("b", 35, 5, 5, 35))
    alone = slices(fake, called, {"category": names})
    more = slices(fake, called, {"category": names, "length": [f"{row % 2}" for row in range(len(names))]})
    again = next(each for each in more.slices if each.value == "a")
    (one,) = (each for each in alone.slices if each.value == "a")
    assert again.recall.low < one.recall.low < one.recall.high < again.recall.high
    assert again.recall.value == one.recall.value == 0.75


def test_copies_of_a_review_count_as_one() -> None:
    event = np.repeat([True, False], [15, 5])
    alone = share_interval(event, None, 0.99)
    assert share_interval(np.repeat(event, 3), np.repeat(np.arange(20), 3), 0.99) == pytest.approx(alone)
    together = share_interval(np.repeat(event, 3), None, 0.99)
    assert alone.low < together.low < together.high < alone.high
    # 20 reviews and a unit of 20 of them: 40^2 / (20 + 20^2) reviews alone.
    unit = np.r_[np.arange(20), np.full(20, 99)]
    wide = share_interval(np.ones(40, dtype=bool), unit, 0.9)
    assert wide.low == pytest.approx(0.05 ** (1 / (1600 / 420)))


def test_units_reach_the_intervals_of_slices() -> None:
    fake, called, names = reviews(("a", 30, 10, 10, 30), ("b", 35, 5, 5, 35))
    units = np.arange(len(names)) // 5
    related = slices(fake, called, {"category": names}, units).slices[0].recall
    assert related.low < slices(fake, called, {"category": names}).slices[0].recall.low


def test_it_survives_json() -> None:
    fake, called, names = reviews(("a", 30, 10, 10, 30), ("b", 35, 5, 0, 0), ("c", 1, 0, 0, 0))
    found = slices(fake, called, {"category": names})
    assert Slices.model_validate_json(found.model_dump_json()) == found


def test_a_trait_of_other_reviews_is_refused() -> None:
    with pytest.raises(DataError, match="the trait rating has 2 values for 3 reviews"):
        slices([True, False, True], [True, False, True], {"rating": ["1", "2"]})


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """benchmarks/slices.py."""
    return load_benchmark("slices")


def test_all_intervals_hold_at_once_and_none_is_called_worse_by_chance(simulation: ModuleType) -> None:
    found = simulation.held(100, 1000, 1, 0.95)
    assert found.all_hold > 0.93
    assert found.worse < 0.07


@pytest.mark.slow
@pytest.mark.parametrize("right", [0.99, 0.95, 0.8])
@pytest.mark.parametrize("size", [1, 2, 5, 20])
@pytest.mark.parametrize("rows", [400, 3000])
def test_all_intervals_hold_at_once_in_95_of_100_splits(
    simulation: ModuleType, rows: int, size: int, right: float
) -> None:
    found = simulation.held(1000, rows, size, right)
    assert found.all_hold > 0.95 - 0.015
    assert found.worse < 0.05 + 0.015


def test_an_interval_holds_its_estimate() -> None:
    for hits in range(21):
        share = share_interval(np.arange(20) < hits, np.arange(20) // 7, 0.9)
        assert isinstance(share, Share)
        assert share.low <= share.value <= share.high
