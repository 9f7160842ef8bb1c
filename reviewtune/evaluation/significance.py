"""How far a test F1, or the difference of two, would move with another draw of reviews.

A bootstrap resample of N reviews keeps of each review only the cell it falls in (fake or not, called fake or not by
each classifier), and drawing N reviews with replacement draws the counts of those cells from a multinomial
distribution. So the resamples are drawn as counts: exact, and the cost does not grow with N.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.errors import UsageError
from reviewtune.evaluation.labels import as_labels

CONFIDENCE = 0.95
RESAMPLES = 2_000


@dataclass(frozen=True)
class PairedDifference:
    """The difference F1(a) - F1(b) of two classifiers on the same reviews.

    Attributes:
        difference: On the reviews as they are.
        low, high: Ends of its bootstrap interval.
    """

    difference: float
    low: float
    high: float

    @property
    def tied(self) -> bool:
        """The interval contains 0."""
        return self.low <= 0 <= self.high


def f1_interval(
    fake: ArrayLike,
    predicted: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> tuple[float, float]:
    """Low and high end of the percentile bootstrap interval of the F1 of the fake class.

    Args:
        fake: (N,) true where the review is fake.
        predicted: (N,) true where the classifier calls it fake.
        seed: Of the resamples. The order of the reviews plays no part.
        resamples: How many to draw.
        confidence: Share of the resamples inside of the interval.

    Raises:
        DataError: The arrays are empty, differ in length or hold anything but labels.
        UsageError: `resamples` or `confidence` is out of range.
    """
    truth, labels = as_labels(fake=fake, predicted=predicted)
    cells = _resampled_cells([truth, labels], seed, resamples, confidence)
    return _interval(_f1(cells), float(_f1(_cells([truth, labels]))), confidence)


def paired_f1_difference(
    fake: ArrayLike,
    predicted_a: ArrayLike,
    predicted_b: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> PairedDifference:
    """F1(a) - F1(b) with its percentile bootstrap interval; each resample scores both classifiers.

    Arguments and errors are those of `f1_interval`, with two classifiers' (N,) labels of the same reviews.
    """
    truth, a, b = as_labels(fake=fake, predicted_a=predicted_a, predicted_b=predicted_b)
    difference = float(_difference(_cells([truth, a, b])))
    cells = _resampled_cells([truth, a, b], seed, resamples, confidence)
    low, high = _interval(_difference(cells), difference, confidence)
    return PairedDifference(difference, low, high)


def _cells(labels: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Counts of the joint table of L arrays of (N,) labels, with L axes of length 2: index 1 is true."""
    code = np.zeros(len(labels[0]), dtype=np.int64)
    for array in labels:
        code = code * 2 + array
    return np.bincount(code, minlength=2 ** len(labels)).reshape((2,) * len(labels))


def _resampled_cells(
    labels: Sequence[NDArray[np.bool_]], seed: int, resamples: int, confidence: float
) -> NDArray[np.int64]:
    """`_cells` of each resample, stacked along a first axis."""
    if resamples < 1:
        raise UsageError(f"resamples must be at least 1, not {resamples}")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must lie between 0 and 1, not {confidence}")
    cells, reviews = _cells(labels), len(labels[0])
    drawn = np.random.default_rng(seed).multinomial(reviews, cells.ravel() / reviews, size=resamples)
    return drawn.reshape((resamples, *cells.shape))


def _f1(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of (..., 2, 2) tables indexed by fake, predicted; 0 where no review is fake or called fake."""
    hits = 2 * cells[..., 1, 1]
    total = hits + cells[..., 0, 1] + cells[..., 1, 0]
    return np.asarray(hits / np.maximum(total, 1))


def _difference(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1(a) - F1(b) of (..., 2, 2, 2) tables indexed by fake, predicted by a, predicted by b."""
    return _f1(cells.sum(axis=-1)) - _f1(cells.sum(axis=-2))


def _interval(resampled: NDArray[np.float64], estimate: float, confidence: float) -> tuple[float, float]:
    """Percentiles, widened to hold the estimate, which few or lopsided reviews can leave just outside."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return min(float(low), estimate), max(float(high), estimate)
