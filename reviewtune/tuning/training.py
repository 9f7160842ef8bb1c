"""What a trial is to train: which configuration, on which rows, judged by which, by which seed, for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SEARCH = "search"
"""The fold of the trials of a search: they train on the train split, and the validation split judges them."""
EVERYTHING = "everything"
"""The fold of what is shipped: it trains on all development rows, and none is left to judge it."""

MORE_SEEDS = 2
"""Finalists, the first on validation, that are trained by more than one seed."""

MEMBER = "member"
"""Key of a Tune trial's config that holds a `Training`; a search's trial has its params there as they are."""


@dataclass(frozen=True)
class Fold:
    """Some of the development rows, by their numbers.

    Attributes:
        train: To train on.
        held_out: That judge; empty where none do.
        seed: Of the training.
        first_rung: Share of `train` after which its trials are first compared; None: they see all from the start.
    """

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    seed: int
    first_rung: float | None = None

    def on_both_forms(self, rows: int) -> "Fold":
        """The fold that trains on the second forms of its texts too, which follow all `rows` of the first."""
        return replace(self, train=np.concatenate([self.train, self.train + rows]))


@dataclass(frozen=True)
class Training:
    """What a trial trains.

    Attributes:
        params: Its configuration; of a search's trial, the searched values alone.
        fold: Name of its rows and seed.
        until: Last leg, where it is not that of its whole course.
    """

    params: dict[str, Any]
    fold: str = SEARCH
    until: int | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """What the config of a Tune trial asks for."""
        member = config.get(MEMBER)
        return cls(**member) if member else cls(dict(config))

    @property
    def is_search(self) -> bool:
        """Whether it is one of a search: those keep their best model, all others their last."""
        return self.fold == SEARCH

    @property
    def config(self) -> dict[str, Any]:
        """Of a Tune trial that is to train it."""
        return {MEMBER: {"params": self.params, "fold": self.fold, "until": self.until}}

    def last_leg(self, legs: int) -> int:
        """Number of its last leg, of a course of so many."""
        return min(legs, self.until or legs)


def search_fold(train: int, validation: int, seed: int, first_rung: float | None = None) -> Fold:
    """That of a search; of the development rows the train split comes first, then the validation split.

    Args:
        train: Rows of the one.
        validation: Rows of the other.
        seed: Of the study.
        first_rung: Share of the train split after which trials are first compared.
    """
    return Fold(np.arange(train), np.arange(train, train + validation), seed, first_rung)


def fold_name(fold: int, folds: int, seed: int) -> str:
    """Of the `fold`-th of so many, from 0, and of the `seed`-th seed, from 0."""
    return f"{fold + 1} of {folds}, seed {seed + 1}"


def all_folds(fold_of: NDArray[np.int64], folds: int, *, seeds: int, search: Fold) -> dict[str, Fold]:
    """Every fold that trials of a study may ask for, by name.

    Args:
        fold_of: (N,) which fold holds out each development row.
        folds: How many there are; below 2 nothing is held out.
        seeds: Trainings of each.
        search: Whose seed is the first.
    """
    everything = Fold(np.arange(len(fold_of)), np.arange(0), search.seed)
    named = {SEARCH: search, EVERYTHING: everything}
    for fold in range(folds if folds > 1 else 0):
        train, held_out = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        for seed in range(seeds):
            named[fold_name(fold, folds, seed)] = Fold(train, held_out, search.seed + seed)
    return named


def trainings_of(finalists: int, *, folds: int, seeds: int) -> int:
    """How many trainings so many finalists take."""
    return folds * (finalists + (seeds - 1) * min(MORE_SEEDS, finalists))
