"""The folds that leave out a source: they train on all others, and that source alone judges.

Shape letter: `N` development rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.folds import LEAST_ROWS
from reviewtune.schema import LABEL_NAMES
from reviewtune.tuning.training import Fold

FEW = 5
"""Sources that are named one by one."""


@dataclass(frozen=True)
class LeftOut:
    """The sources of a study that entries are trained without.

    Attributes:
        folds: By source, in the order of their names; none where all reviews are from one.
        kept: Why others are not left out, by source.
    """

    folds: Mapping[str, Fold] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> dict[str, Fold]:
        """The folds by the names that trainings ask for them by."""
        return {without(source): fold for source, fold in self.folds.items()}

    def lines(self) -> Iterator[str]:
        """What follows from it, for people."""
        if self.folds:
            named = ", ".join(self.folds)
            yield f"unseen: what is chosen is trained once more without each of {named}, and scored on it"
        for reason in dict.fromkeys(self.kept.values()):
            sources = [source for source, own in self.kept.items() if own == reason]
            named = ", ".join(sources) if len(sources) <= FEW else f"{len(sources)} sources"
            yield f"unseen: nothing is trained without {named}, since {reason}"


def without(source: str) -> str:
    """Name of the fold that leaves out a source."""
    return f"without {source}"


def leave_out(
    sources: NDArray[np.object_], units: NDArray[np.int64], fake: NDArray[np.bool_], *, seed: int, most: int
) -> LeftOut:
    """A fold for each source, where there are several.

    Whole units stay out: a near-duplicate of a review that judges, or one of its group, is not trained on, whichever
    source it is from.

    Args:
        sources: (N,) names.
        units: (N,) equal where reviews are near-duplicates or share a group.
        fake: (N,) labels.
        seed: Of the trainings.
        most: How many sources are left out: those of the most rows.
    """
    names, counts = np.unique(sources.astype(str), return_counts=True)
    if len(names) < 2 or not most:
        return LeftOut()
    largest = set(names[np.argsort(-counts, kind="stable")[:most]].tolist())
    folds, kept = dict[str, Fold](), dict[str, str]()
    for name in names.tolist():
        own = sources == name
        train = np.flatnonzero(~np.isin(units, units[own]))
        rows = np.bincount(fake[train].astype(np.int64), minlength=2)
        if name not in largest:
            kept[name] = f"{most} others have more reviews (--unseen-sources)"
        elif rows.min() < LEAST_ROWS:
            few = int(rows.argmin())
            kept[name] = (
                f"the other sources have {rows[few]} {LABEL_NAMES[few]} reviews that are not related to its own"
            )
        else:
            folds[name] = Fold(train, np.flatnonzero(own), seed)
    return LeftOut(folds, kept)
