"""Trainings that weigh sources alike: the rows of a fold, drawn such that each class of each source counts as much.

Rows and not weights, since every family and every slot of a pack trains on rows. Shape letter: `M` rows.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.assignment import strata_of
from reviewtune.tuning.training import Fold


def balanced(fold: Fold, fake: NDArray[np.bool_], sources: Sequence[str]) -> Fold:
    """The fold with as many rows to train on as before, of which each class of each source has an equal number.

    What has fewer is repeated, each row as often as any other or once more; what has more is drawn from, by the fold's
    seed. The rows that judge stay.

    Args:
        fold: Of the development rows.
        fake: Labels of all of those.
        sources: Where each is from.
    """
    strata = strata_of(fake, sources)[fold.train]
    kinds = np.unique(strata)
    wanted = np.diff(np.linspace(0, len(fold.train), len(kinds) + 1).round().astype(np.int64))
    random = np.random.default_rng(fold.seed)
    drawn = [_drawn(fold.train[strata == kind], count, random) for kind, count in zip(kinds, wanted, strict=True)]
    return replace(fold, train=np.sort(np.concatenate(drawn)))


def _drawn(rows: NDArray[np.int64], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(count,) of the rows, evenly."""
    whole, rest = divmod(int(count), len(rows))
    return np.concatenate([np.tile(rows, whole), random.choice(rows, rest, replace=False)])
