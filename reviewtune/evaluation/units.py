"""What classifiers did, counted by unit: the reviews that are related, and so do not err independently.

A unit is a cluster of near-duplicates or a group (`data.splits`), and most often a single review. Uncertainty is taken
over units: ten copies of one text tell hardly more than one. Shape letters: `N` reviews, `U` units; `...` classifiers,
or the studies of a simulation.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels


@dataclass(frozen=True)
class Counts:
    """Reviews of each unit, by what they are and what they are called.

    Attributes:
        hits: (..., U) fake and called fake.
        errors: (..., U) fake or called fake, but not both.
        fakes: (..., U) fake.
        several: (U,) true where the unit holds more than one review.
    """

    hits: NDArray[np.float64]
    errors: NDArray[np.float64]
    fakes: NDArray[np.float64]
    several: NDArray[np.bool_]

    @classmethod
    def of(cls, fake: ArrayLike, *predicted: ArrayLike, units: ArrayLike | None = None) -> Self:
        """The counts of one or more classifiers on the same reviews, these along the first axis.

        Args:
            fake: (N,) true where the review is fake.
            *predicted: (N,) true where a classifier calls it fake.
            units: (N,) integers, equal where reviews belong together; None: each stands alone.

        Raises:
            DataError: The arrays are empty, differ in length or hold anything but labels and integers.

        Examples:
            >>> counts = Counts.of([True, True, False], [True, False, False], units=[4, 4, 9])
            >>> counts.hits.tolist(), counts.errors.tolist(), counts.several.tolist()
            ([[1.0, 0.0]], [[1.0, 0.0]], [True, False])
        """
        truth, *called = as_labels(fake=fake, **{f"predicted_{row}": labels for row, labels in enumerate(predicted)})
        unit, size = numbered(units, len(truth))

        def counted(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
            return np.bincount(unit, weights=rows, minlength=len(size)).astype(np.float64)

        return cls(
            hits=np.array([counted(truth & labels) for labels in called]),
            errors=np.array([counted(truth ^ labels) for labels in called]),
            fakes=np.array([counted(truth)] * len(called)),
            several=size > 1,
        )


def numbered(units: ArrayLike | None, length: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """(N,) the number of each review's unit, from 0, and (U,) the units' sizes.

    Args:
        units: (N,) integers, equal where reviews belong together; None: each stands alone.
        length: N.

    Raises:
        DataError: `units` has another shape, or holds no integers.

    Examples:
        >>> unit, size = numbered([4, 9, 4], 3)
        >>> unit.tolist(), size.tolist()
        ([0, 1, 0], [2, 1])
    """
    if units is None:
        return np.arange(length), np.ones(length, dtype=np.int64)
    given = np.asarray(units)
    if given.shape != (length,) or not np.issubdtype(given.dtype, np.integer):
        raise DataError(f"units must hold one integer a review, ({length},), but are {given.dtype} of {given.shape}")
    _, unit, size = np.unique(given, return_inverse=True, return_counts=True)
    return unit, size


def design_effect(told: NDArray[np.bool_], unit: NDArray[np.intp]) -> float:
    """How many of N reviews, of some of which something is true, tell as much of its share as one that stands alone.

    The variance of the share between units over that of unrelated reviews: at least 1, and at most what it is where the
    reviews of a unit are all the same, which is also taken where it is true of none or of all.

    Args:
        told: (N,) true where it is true of the review; at least one.
        unit: (N,) the number of each review's unit, not below 0.

    Examples:
        >>> unit = np.repeat(np.arange(20), 5)
        >>> design_effect(unit % 2 == 0, unit), design_effect(np.arange(100) % 5 == 0, unit)
        (5.0, 1.0)
    """
    size = np.bincount(unit)
    size, share = size[size > 0], float(told.mean())
    alike = float((size**2).sum() / size.sum())
    if not 0 < share < 1 or len(size) < 2:
        return alike
    residual = np.bincount(unit, weights=told - share)
    spread = float((residual**2).sum()) / (share * (1 - share) * len(told)) * len(size) / (len(size) - 1)
    return min(max(spread, 1.0), max(alike, 1.0))
