"""How far a test F1 would move with another draw of reviews.

Of the reviews that are fake or called fake, the share G that is both is a plain proportion, and F1 = 2 G / (1 + G)
rises with it: so the ends of an interval of G are those of F1 (Lam, Gopal and Qian, "Confidence intervals for the F1
score: a comparison of four methods", arXiv 2309.14621). The interval is Wilson's, which keeps its promise near 1 and
for few reviews. Where reviews are related it is that of fewer reviews: as many as would tell as much alone, with
Student's t in place of the normal quantile (Korn and Graubard, "Confidence intervals for proportions with small
expected number of positive counts estimated from survey data", Survey Methodology 1998). docs/statistics.md shows, by
simulation, what it covers. Shape letters: `N` reviews, `U` units; `...` as in `units`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from reviewtune.errors import UsageError
from reviewtune.evaluation.units import Counts, design_effect

CONFIDENCE = 0.95
FEWEST_UNITS = 8.0
"""Units that the spread between units must rest on: with fewer an interval of 95 % covers up to 99 % of studies."""
FEWEST_REVIEWS = 10.0
"""That are fake or called fake, counted as if they stood alone: with fewer the coverage jumps from 0.95 to 0.99."""


@dataclass(frozen=True)
class Intervals:
    """Intervals of F1.

    Attributes:
        low, high: (...) ends.
        rough: (...) too little to go by: wider than the confidence asks for, seldom narrower.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    rough: NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """An interval of F1: its ends, and whether it is `rough`, as in `Intervals`."""

    low: float
    high: float
    rough: bool


def f1_interval(
    fake: ArrayLike, predicted: ArrayLike, *, units: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """The interval of the F1 of the fake class over other draws of units.

    Args:
        fake: (N,) true where the review is fake.
        predicted: (N,) true where the classifier calls it fake.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.
        confidence: Share of such draws whose interval holds the true F1.

    Raises:
        DataError: The arrays are empty, differ in length or hold anything but labels and integers.
        UsageError: `confidence` is out of range.

    Examples:
        >>> fake = [True] * 100 + [False] * 100
        >>> interval = f1_interval(fake, [True] * 90 + [False] * 110)
        >>> round(interval.low, 3), round(interval.high, 3), interval.rough
        (0.904, 0.972, False)
    """
    found = f1_intervals(Counts.of(fake, predicted, units=units), confidence=confidence)
    return Interval(float(found.low[0]), float(found.high[0]), bool(found.rough[0]))


def f1_intervals(counts: Counts, *, confidence: float = CONFIDENCE) -> Intervals:
    """The intervals of many classifiers or studies at once.

    Raises:
        UsageError: `confidence` is out of range.

    Examples:
        >>> fake = [True] * 100 + [False] * 100
        >>> counts = Counts.of(fake, [True] * 90 + [False] * 110, [True] * 50 + [False] * 150)
        >>> f1_intervals(counts).low.round(3).tolist()
        [0.904, 0.575]
    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must lie between 0 and 1, not {confidence}")
    hits = counts.hits.sum(axis=-1)
    reviews = hits + counts.errors.sum(axis=-1)
    share = hits / np.maximum(reviews, 1)
    effect, degrees = _design(counts, share)
    # Nothing fake and nothing called fake: F1 is 0, and no review tells how far it would move.
    alone = np.where(reviews > 0, reviews / effect, 1e-9)
    quantile = stats.t.ppf((1 + confidence) / 2, degrees)
    low, high = wilson(share, alone, quantile)
    rough = (degrees < FEWEST_UNITS) | (alone < FEWEST_REVIEWS)
    return Intervals(2 * low / (1 + low), 2 * high / (1 + high), rough)


def _design(counts: Counts, share: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(...) the design effect, and the degrees of freedom that its estimate has.

    The design effect is the variance of the share over what it were if every review stood alone (at least 1: related
    reviews do not tell more). Only units of several reviews are estimated, the others' variance is known. The split
    gives each part its due of fakes, so what a unit's fakes explain is no spread between draws. The degrees of freedom
    are the number of equal units that would give as uncertain a variance, (sum of squares)^2 / sum of fourth powers:
    where few units err, few.
    """
    reviews = counts.hits + counts.errors
    known = share * (1 - share) * reviews.sum(axis=-1)
    residual = _unexplained(counts.hits - share[..., None] * reviews, counts.fakes)
    contributing = (reviews > 0).sum(axis=-1)
    # Without an error, or with one unit or two (through which any line goes), there is no spread to see: a unit of
    # several then counts as one review.
    unseen = ((known <= 0) | (contributing < 3))[..., None]
    squares = np.where(unseen, reviews, residual) ** 2
    of_one = np.where(unseen, reviews, (share * (1 - share))[..., None] * reviews)
    correction = np.where(unseen[..., 0], 1.0, contributing / np.maximum(contributing - 1, 1))
    several = np.where(counts.several, squares, 0).sum(axis=-1)
    alone = np.where(counts.several, 0, of_one).sum(axis=-1)
    fourth = np.where(counts.several, squares**2, 0).sum(axis=-1)
    effect = np.maximum((correction * several + alone) / np.maximum(of_one.sum(axis=-1), 1e-300), 1.0)
    degrees = np.where(fourth > 0, (several + alone) ** 2 / np.where(fourth > 0, fourth, 1), np.inf)
    return effect, np.maximum(degrees, 1.0)


def _unexplained(values: NDArray[np.float64], fakes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., U) what is left of values with a mean of 0 after a line in the units' number of fakes."""
    centred = fakes - fakes.mean(axis=-1, keepdims=True)
    squares = (centred**2).sum(axis=-1, keepdims=True)
    slope = (values * centred).sum(axis=-1, keepdims=True) / np.where(squares > 0, squares, 1)
    return np.asarray(values - slope * centred)


def wilson(
    share: NDArray[np.float64], reviews: NDArray[np.float64], quantile: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(...) ends of the interval of a share of so many reviews (Wilson, 1927).

    Examples:
        >>> low, high = wilson(np.array(0.9), np.array(50), np.array(1.96))
        >>> round(float(low), 3), round(float(high), 3)
        (0.786, 0.957)
    """
    ratio = quantile**2 / reviews
    centre = (share + ratio / 2) / (1 + ratio)
    half = np.sqrt(ratio * (share * (1 - share) + ratio / 4)) / (1 + ratio)
    # Rounding must not leave the estimate outside where it is an end.
    return np.minimum(np.maximum(centre - half, 0), share), np.maximum(np.minimum(centre + half, 1), share)


def share_interval(
    told: NDArray[np.bool_], unit: NDArray[np.intp], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The ends of Wilson's interval of a share of N reviews, for as many as would tell as much alone.

    Args:
        told: (N,) true where it is true of the review; at least one.
        unit: (N,) the number of each review's unit, not below 0.
        confidence: Share of draws of units whose interval holds the true share, about.

    Examples:
        >>> low, high = share_interval(np.arange(100) % 2 == 0, np.arange(100))
        >>> round(low, 3), round(high, 3)
        (0.404, 0.596)
    """
    alone = len(told) / design_effect(told, unit)
    low, high = wilson(*map(np.asarray, (told.mean(), alone, stats.norm.ppf((1 + confidence) / 2))))
    return float(low), float(high)
