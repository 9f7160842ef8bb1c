"""Folds of the development reviews: near-duplicates and groups stay whole, classes and sources have their share.

Shape letter: `N` reviews.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.assignment import assign_units, strata_of

LEAST_ROWS = 2
"""Of each class, held out and left to train on, in every fold: with fewer neither a fit nor a score makes sense."""


def make_folds(
    units: NDArray[np.int64],
    fake: NDArray[np.bool_],
    *,
    folds: int,
    seed: int,
    sources: Sequence[str] | None = None,
) -> tuple[NDArray[np.int64], int]:
    """Which of the folds, from 0, holds out each review; and how many folds there are.

    Where few reviews, or large units, leave a fold short of a class there are fewer folds than were asked for; at 1
    nothing can be held out.

    Args:
        units: (N,) equal for reviews that stay together.
        fake: (N,) class of each review.
        folds: Wanted; at least 2.
        seed: Of the order in which units of one size are assigned.
        sources: (N,) where each review is from: each fold has its share of each source, too. None: of one.

    Examples:
        >>> fake = np.arange(40) % 2 == 0
        >>> fold, folds = make_folds(np.arange(40), fake, folds=4, seed=0)
        >>> folds, np.bincount(fold, weights=fake).tolist()
        (4, [5.0, 5.0, 5.0, 5.0])
    """
    available = np.array([np.sum(~fake), np.sum(fake)])
    strata = fake.astype(np.int64) if sources is None else strata_of(fake, sources)
    sizes = np.bincount(strata, minlength=2)
    for count in range(min(folds, int(available.min()) // LEAST_ROWS), 1, -1):
        fold_of = assign_units(units, strata, np.tile(sizes / count, (count, 1)), seed)
        held_out = np.array(
            [[np.sum((fold_of == fold) & (fake == label)) for label in (0, 1)] for fold in range(count)]
        )
        if held_out.min() >= LEAST_ROWS and (available - held_out).min() >= LEAST_ROWS:
            return fold_of, count
    return np.zeros(len(fake), dtype=np.int64), 1
