"""Several classifiers against one, all at once, on the same reviews.

The F1 of each moves with the draw of reviews, but that of all moves together, so their differences are compared: with a
variance over units (`units`), and by critical values for which 95 % of draws have no wrong verdict at all, however many
classifiers are compared (Dunnett, "A multiple comparison procedure for comparing several treatments with a control",
JASA 1955; each comparison with its own degrees of freedom, as Hasler and Hothorn, 2008, do).

The one that all are compared with must not have been chosen by these reviews; those compared may have been, since the
intervals hold for all of them at once. Shape letters: `N` reviews, `U` units, `M` classifiers compared, `S` studies.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from reviewtune.errors import UsageError
from reviewtune.evaluation.significance import CONFIDENCE
from reviewtune.evaluation.units import Counts

DRAWS = 10_000
"""Of normal vectors, for the critical value: it moves by less than 1 % with another seed."""
FEWEST_COMPARED = 3
"""Units of a test split below which no difference is told from chance: one or two have no spread that could be seen."""
POWER = 0.8
"""Of ten draws, eight show a difference that is called detectable."""
AT_ONCE = 100
"""Studies whose draws are held in memory together."""


@dataclass(frozen=True)
class Difference:
    """How far the F1 of a classifier lies above that of the reference.

    Attributes:
        difference: On the reviews as they are; below 0 where the reference is better.
        low, high: Ends of its interval, which holds for all compared classifiers at once.
        detectable: How large a true difference would have to be for this comparison to show it in eight draws of ten.
    """

    difference: float
    low: float
    high: float
    detectable: float

    @property
    def behind(self) -> bool:
        """Worse than the reference, beyond chance."""
        return self.high < 0

    @property
    def ahead(self) -> bool:
        """Better than the reference, beyond chance."""
        return self.low > 0


@dataclass(frozen=True)
class Differences:
    """`Difference` of many classifiers and studies: arrays of (..., M)."""

    difference: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    detectable: NDArray[np.float64]


def compare(
    fake: ArrayLike,
    reference: ArrayLike,
    others: Mapping[str, ArrayLike],
    *,
    units: ArrayLike | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> dict[str, Difference]:
    """The difference in F1 of each of `others` to the reference, by name, with intervals that hold for all at once.

    Args:
        fake: (N,) true where the review is fake.
        reference: (N,) true where the reference calls it fake.
        others: (N,) labels of M other classifiers.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.
        confidence: Share of draws of units in which every interval holds its true difference.
        seed: Of the critical value.

    Raises:
        DataError: The arrays are empty, differ in length or hold anything but labels and integers.
        UsageError: `confidence` is out of range.

    Examples:
        >>> fake = [True] * 30 + [False] * 30
        >>> good = fake[:57] + [True] * 3
        >>> poor = [True] * 12 + [False] * 48
        >>> found = compare(fake, good, {"poor": poor, "good": good})
        >>> {name: (round(one.difference, 3), one.behind) for name, one in found.items()}
        {'poor': (-0.381, True), 'good': (0.0, False)}
    """
    if not others:
        return {}
    found = differences(Counts.of(fake, reference, *others.values(), units=units), confidence=confidence, seed=seed)
    columns = zip(found.difference, found.low, found.high, found.detectable, strict=True)
    return {name: Difference(*map(float, values)) for name, values in zip(others, columns, strict=True)}


def differences(counts: Counts, *, confidence: float = CONFIDENCE, seed: int = 0) -> Differences:
    """The differences of classifiers 1 to M to classifier 0, on the last axis but one of the counts.

    Args:
        counts: (..., 1 + M, U).
        confidence: As for `compare`.
        seed: As for `compare`.

    Raises:
        UsageError: `confidence` is out of range.

    Examples:
        >>> fake = [True, True, False, False] * 20
        >>> counts = Counts.of(fake, fake, [True, False] * 40)
        >>> differences(counts).difference.round(3).tolist()
        [-0.5]
    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must lie between 0 and 1, not {confidence}")
    f1, influence = _linear(counts)
    difference = f1[..., 1:] - f1[..., :1]
    apart = influence[..., 1:, :] - influence[..., :1, :]
    squares = (apart**2).sum(axis=-1)
    error = np.sqrt(squares)
    # As many equal units would give as uncertain a variance: where the labels differ in few, few.
    degrees = np.maximum(squares**2 / np.maximum((apart**4).sum(axis=-1), 1e-300), 1.0)
    tail = stats.norm.sf(_critical(apart / np.maximum(error[..., None], 1e-300), confidence, seed))[..., None]
    half = stats.t.isf(tail, degrees) * error
    detectable = half + stats.norm.ppf(POWER) * error
    if apart.shape[-1] < FEWEST_COMPARED:
        return Differences(difference, difference - 2, difference + 2, np.full_like(detectable, 2.0))
    return Differences(difference, difference - half, difference + half, detectable)


def _linear(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(...) F1, 0 where no review is fake or called so, and (..., U) how far each unit moves it, to first order."""
    twice = 2 * counts.hits
    total = np.maximum(twice.sum(axis=-1) + counts.errors.sum(axis=-1), 1)
    f1 = twice.sum(axis=-1) / total
    return f1, (twice - f1[..., None] * (twice + counts.errors)) / total[..., None]


def _critical(direction: NDArray[np.float64], confidence: float, seed: int) -> NDArray[np.float64]:
    """(...) what the largest of M standard normal values, signs aside, stays below in that share of draws.

    Args:
        direction: (..., M, U) of length 1; the values are correlated as these vectors are.
        confidence: The share.
        seed: Of the draws.
    """
    correlation = direction @ np.swapaxes(direction, -1, -2)
    compared = correlation.shape[-1]
    if compared == 1:
        return np.full(correlation.shape[:-2], stats.norm.isf((1 - confidence) / 2))
    values, vectors = np.linalg.eigh(correlation.reshape(-1, compared, compared))
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    drawn = np.random.default_rng(seed).standard_normal((DRAWS, compared))
    critical = np.empty(len(roots))
    for first in range(0, len(roots), AT_ONCE):
        normal = drawn @ np.swapaxes(roots[first : first + AT_ONCE], -1, -2)
        critical[first : first + AT_ONCE] = np.quantile(np.abs(normal).max(axis=-1), confidence, axis=-1)
    return critical.reshape(correlation.shape[:-2])
