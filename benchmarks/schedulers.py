"""Schedulers as `searches.py` simulates them: when a trial makes room, and which one is taken up again.

Rungs lie at percents of a trial's own epochs, as in `reviewtune.tuning.scheduler`, whose ASHA this is without Ray. What
is compared at a rung is the highest F1 that a trial was seen to have so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.tuning.scheduler import FIRST_RUNG

RUNGS = (FIRST_RUNG, 2 * FIRST_RUNG)
DISAGREEMENT = 0.005
"""Standard error of F1 on 1,112 validation rows: PASHA's rankings may differ by swaps of trials as close as this."""


@dataclass(eq=False)
class Simulated:
    """A trial: its configuration, F1 of its legs in truth and as seen, and where it stands."""

    number: int
    params: dict[str, Any]
    truth: NDArray[np.float64]
    seen: NDArray[np.float64]
    asked: Any
    """Optuna's trial."""
    legs: int = 0
    best: float = 0.0
    told: bool = False

    @property
    def percent(self) -> float:
        """Of its epochs that are done."""
        return 100 * self.legs / len(self.seen)


class Patient:
    """No early stopping."""

    def goes_on(self, trial: Simulated) -> bool:
        """Whether a trial that has ended a leg keeps its slot."""
        return trial.percent < 100

    def taken_up(self) -> Simulated | None:
        """A trial that goes on in a free slot, before another is asked."""
        return None


class Asha(Patient):
    """A trial below the median of those that came to its rung before it is stopped; the default one never."""

    def __init__(self) -> None:
        self.recorded: dict[int, dict[Simulated, float]] = {rung: {} for rung in RUNGS}

    def goes_on(self, trial: Simulated) -> bool:
        """Record what it has reached, at the highest rung that it is new to."""
        if trial.percent >= 100:
            return False
        rung = next((rung for rung in reversed(RUNGS) if trial.percent >= rung), None)
        if rung is None or trial in self.recorded[rung]:
            return True
        before = list(self.recorded[rung].values())
        self.recorded[rung][trial] = trial.best
        return trial.number == 0 or not before or trial.best >= float(np.median(before)) or self._stopped(trial, rung)

    def _stopped(self, _trial: Simulated, _rung: int) -> bool:
        return False


class Promotion(Asha):
    """ASHA whose stopped trials keep their state, and go on once they are in the upper half of their rung."""

    def __init__(self) -> None:
        super().__init__()
        self.paused: dict[int, set[Simulated]] = {rung: set() for rung in RUNGS}

    def _stopped(self, trial: Simulated, rung: int) -> bool:
        self.paused[rung].add(trial)
        return False

    def rungs(self) -> Sequence[int]:
        """Those that trials are promoted from."""
        return RUNGS

    def taken_up(self) -> Simulated | None:
        """The best paused trial of the upper half of a rung, of the highest rung that has one."""
        for rung in reversed(self.rungs()):
            recorded = self.recorded[rung]
            if not self.paused[rung]:
                continue
            upper = sorted(recorded, key=lambda trial: -recorded[trial])[: len(recorded) // 2]
            found = next((trial for trial in upper if trial in self.paused[rung]), None)
            if found is not None:
                self.paused[rung].remove(found)
                return found
        return None


class Pasha(Promotion):
    """Promotion that lets nobody past the last rung until it and the one below rank trials differently.

    After Bohdal et al. 2023, "PASHA: Efficient HPO and NAS with Progressive Resource Allocation".
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False

    def goes_on(self, trial: Simulated) -> bool:
        """As ASHA, but for the last rung while it is closed."""
        last = RUNGS[-1]
        came = trial not in self.recorded[last]
        stays = super().goes_on(trial)
        if self.is_open or not came or trial not in self.recorded[last]:
            return stays
        self.is_open = self._disagree()
        if stays and not self.is_open and trial.number:
            self.paused[last].add(trial)
            return False
        return stays

    def rungs(self) -> Sequence[int]:
        """All but the last while it is closed."""
        return RUNGS if self.is_open else RUNGS[:-1]

    def _disagree(self) -> bool:
        """Whether at any place of the ranking the two rungs have trials that the lower one tells apart."""
        lower, upper = self.recorded[RUNGS[0]], self.recorded[RUNGS[1]]
        both = [trial for trial in upper if trial in lower]
        by_lower = sorted(both, key=lambda trial: -lower[trial])
        by_upper = sorted(both, key=lambda trial: -upper[trial])
        return any(abs(lower[a] - lower[b]) > DISAGREEMENT for a, b in zip(by_lower, by_upper, strict=True))


SCHEDULERS = {"none": Patient, "asha": Asha, "promotion": Promotion, "pasha": Pasha}
