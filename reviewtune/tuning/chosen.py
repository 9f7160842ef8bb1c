"""The trial that a family's search came to, and what is needed to ship it.

Shape letter: `N` rows that chose it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reviewtune.leaderboard.scores import Gain, Selection
from reviewtune.tuning.records import TrialRecord, best_of


@dataclass(frozen=True)
class Chosen:
    """A configuration, chosen.

    Attributes:
        record: Its trial of the search.
        epoch: Epochs after which its training ends; None: all of them, since it has done none that would tell.
        models: Folders of the models whose mean is shipped, relative to the results directory: that of all development
            rows first. Empty where one is fitted anew.
        fit_seconds: Of a training.
        selection: What folds said of it; None where the validation split chose.
        gain: Over the default configuration, by what folds said of both; None where there is nothing to compare.
        scores: (N,) out-of-fold scores of the development rows; None where the validation split chose.
    """

    record: TrialRecord
    epoch: float | None
    models: list[str]
    fit_seconds: float
    selection: Selection | None = None
    gain: Gain | None = None
    scores: NDArray[np.float64] | None = None


def choose_by_validation(records: list[TrialRecord]) -> Chosen | None:
    """The trial of the highest F1 on the validation split; None where none has any."""
    record = best_of(records)
    if record is None or record.best is None:
        return None
    best = record.best
    epoch = best.epoch if best.share is None else None
    return Chosen(record, epoch, [record.model] if record.model else [], best.fit_seconds)
