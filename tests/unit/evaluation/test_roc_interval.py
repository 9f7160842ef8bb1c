import numpy as np
import pytest
from scipy import stats

from reviewtune.errors import DataError
from reviewtune.evaluation.objective import tpr_at_fpr
from reviewtune.evaluation.roc_interval import LIMITS, tpr_ends, tpr_interval


def drawn(rows: int, seed: int, *, shift: float = 2.5, size: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, half of them fake, scores and units; the reviews of a unit are copies."""
    random = np.random.default_rng(seed)
    units = np.arange(rows) // size
    fake = np.repeat(random.random(rows // size) < 0.5, size)
    scores = np.repeat(random.standard_normal(rows // size), size) + shift * fake
    return fake, scores, units


def coverage(studies: int, rows: int, fpr: float, size: int = 1, *, told: bool = True) -> float:
    true = stats.norm.sf(stats.norm.isf(fpr) - 2.5)
    held = 0
    for seed in range(studies):
        fake, scores, units = drawn(rows, seed, size=size)
        low, high = tpr_interval(fake, scores, fpr, units=units if told else None)
        held += low <= true <= high
    return held / studies


def test_the_interval_holds_what_it_estimates_and_narrows_with_more_reviews() -> None:
    widths = []
    for rows in (2000, 20_000):
        fake, scores, _ = drawn(rows, 1)
        low, high = tpr_interval(fake, scores, 0.01)
        assert 0 < low < tpr_at_fpr(fake, scores, 0.01) < high < 1
        widths.append(high - low)
    assert widths[1] < 0.5 * widths[0]
    assert tpr_interval(fake, scores, 0.01, confidence=0.5)[0] > low


def test_few_genuine_reviews_leave_the_lower_end_at_nothing() -> None:
    fake, scores, _ = drawn(400, 2, shift=8.0)
    low, high = tpr_interval(fake, scores, 0.001)
    assert (low, high > 0.9) == (0.0, True)
    assert tpr_interval(np.array([True, False]), np.array([1.0, 0.0]), 0.01) == (0.0, 1.0)


def test_copies_tell_no_more_than_one_of_them() -> None:
    fake, scores, _ = drawn(3000, 3)
    alone = tpr_interval(fake, scores, 0.01)
    copies = [np.repeat(values, 4) for values in (fake, scores)]
    as_units = tpr_interval(*copies, 0.01, units=np.repeat(np.arange(3000), 4))
    assert as_units == pytest.approx(alone, abs=0.01)
    assert np.diff(tpr_interval(*copies, 0.01)) < 0.7 * np.diff(alone)


@pytest.mark.parametrize("which", ["fakes", "genuine"])
def test_copies_of_either_class_widen_it(which: str) -> None:
    fake, scores, _ = drawn(8000, 5)
    kept = ~fake | (np.arange(8000) < 1000)  # fewer fakes, so that either class counts alike
    fake, scores = fake[kept], scores[kept]
    several = np.where(fake == (which == "fakes"), 8, 1)
    copied, told = np.repeat(fake, several), np.repeat(scores, several)
    ends = tpr_interval(copied, told, 0.01, units=np.repeat(np.arange(len(fake)), several))
    assert ends == pytest.approx(tpr_interval(fake, scores, 0.01), abs=0.01)
    assert np.diff(tpr_interval(copied, told, 0.01)) < 0.9 * np.diff(ends)


def test_it_covers_the_truth_with_related_reviews_too() -> None:
    assert coverage(200, 2000, 0.01) > 0.95 - 0.04
    assert coverage(200, 4000, 0.01, 4) > 0.95 - 0.04
    assert coverage(200, 4000, 0.01, 4, told=False) < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("fpr", [0.01, 0.001])
@pytest.mark.parametrize("rows", [300, 1000, 3000, 10_000])
def test_it_covers_the_truth_in_95_of_100_studies(rows: int, fpr: float, size: int) -> None:
    assert coverage(1000, rows, fpr, size) > 0.95 - 0.015


def test_every_limit_has_its_ends() -> None:
    fake, scores, units = drawn(2000, 4, size=2)
    told = tpr_ends(fake, scores, units)
    assert list(told) == [name + end for name in ("tpr_at_fpr_01", "tpr_at_fpr_001") for end in ("_low", "_high")]
    for name, limit in LIMITS.items():
        assert (told[f"{name}_low"], told[f"{name}_high"]) == tpr_interval(fake, scores, limit, units=units)


def test_both_classes_are_asked_for() -> None:
    with pytest.raises(DataError, match="needs fake and genuine reviews"):
        tpr_interval([True, True], [1.0, 2.0], 0.01)
