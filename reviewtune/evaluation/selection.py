"""Choosing a configuration by what folds say of it.

Shape letters: `S` seeds, `F` folds, `L` legs of a training, `K` finalists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CHEAPER = 2 / 3
"""Share of the best finalist's cost that another has at most to count as cheaper: a fit's time varies by tenths."""


@dataclass(frozen=True)
class FoldScores:
    """What the trainings of one configuration scored on the rows that were held out from them.

    Attributes:
        legs: Numbers of L legs.
        values: (S, F, L) after each, of the study's objective: higher is better.
    """

    legs: Sequence[int]
    values: NDArray[np.float64]

    @cached_property
    def _place(self) -> int:
        means = self.values.mean(axis=0)
        best = int(means.mean(axis=0).argmax())
        ahead = means[:, best] - means[:, -1]
        return best if ahead.mean() > standard_error(ahead) else len(self.legs) - 1

    @property
    def leg(self) -> int:
        """The last one, with which the schedule of the learning rate ends; or the best, where folds tell them apart.

        That is where its mean is higher by more than a standard error; `benchmarks/replay.py` measures the gain.
        """
        return self.legs[self._place]

    @property
    def by_fold(self) -> NDArray[np.float64]:
        """(F,) after that leg, the mean over seeds."""
        means: NDArray[np.float64] = self.values[:, :, self._place].mean(axis=0)
        return means

    @property
    def mean(self) -> float:
        """Over folds and seeds."""
        return float(self.by_fold.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean, over the folds."""
        return standard_error(self.by_fold)


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of (F,) values, at least two.

    Examples:
        >>> round(standard_error(np.array([0.90, 0.92, 0.91, 0.93])), 4)
        0.0065
    """
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def choose(finalists: Sequence[FoldScores], costs: Sequence[float]) -> tuple[int, int]:
    """The finalist to take, and the one of the highest mean.

    The one-standard-error rule (Breiman et al., "Classification and regression trees", 1984): of those that fall short
    of the best by no more than a standard error the cheapest is taken. Since all of them are judged by the same folds,
    the error is that of the difference.

    Args:
        finalists: K, of the same folds.
        costs: (K,) of a training, in whatever unit.

    Examples:
        >>> dear = FoldScores([1], np.array([[[0.90], [0.92], [0.94]]]))
        >>> cheap = FoldScores([1], np.array([[[0.90], [0.93], [0.92]]]))
        >>> choose([dear, cheap], costs=[60.0, 1.0])
        (1, 0)
    """
    best = max(range(len(finalists)), key=lambda number: (finalists[number].mean, -costs[number]))
    near = [number for number, own in enumerate(finalists) if _is_near(finalists[best], own)]
    cheap = [number for number in near if costs[number] <= CHEAPER * costs[best]]
    return (min(cheap, key=lambda number: (costs[number], -finalists[number].mean)) if cheap else best), best


def _is_near(best: FoldScores, other: FoldScores) -> bool:
    difference = best.by_fold - other.by_fold
    return bool(difference.mean() <= standard_error(difference))
