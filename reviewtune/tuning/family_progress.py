"""How far one family of a study is."""

import time
from collections import Counter
from dataclasses import dataclass, field

from reviewtune.evaluation.objective import Objective
from reviewtune.progress_note import FamilyNote
from reviewtune.tuning.records import TrialRecord, best_of
from reviewtune.tuning.waiting import Pace

PREPARING, TUNING, FINALISTS, UNSEEN = "preparing", "tuning", "finalists", "unseen"
TRAININGS = (FINALISTS, UNSEEN)
"""Of which trainings are counted that are no longer searched."""


@dataclass
class FamilyProgress:
    """How far one family has come."""

    num_trials: int
    records: list[TrialRecord] = field(default_factory=list)
    running: dict[str, TrialRecord] = field(default_factory=dict)
    state: str = "waiting"
    slots: int | None = None
    """Trials that can run at a time."""
    prepared: tuple[int, int, str] | None = None
    """Reviews that are in the form it reads, of how many, and how long the rest takes; None where that is not known."""
    trained: tuple[int, int] = (0, 0)
    """Trainings of finalists, or of the chosen one without a source, that are done, of how many."""
    told: set[str] = field(default_factory=set)
    """Why trials were lost since it began to tune."""
    started: float | None = None
    seconds: float = 0.0
    test_f1: float | None = None
    pace: Pace = field(default_factory=Pace)

    def begin(self, state: str, slots: int | None = None) -> None:
        """It is at something else now."""
        if state != self.state:
            self.pace = Pace()
        self.state, self.slots, self.prepared = state, slots or self.slots, None
        self.started = self.started or time.monotonic()

    def end(self, state: str, test_f1: float | None) -> None:
        """It has its entry, or none."""
        self.seconds, self.started = self.so_far, None
        self.state, self.test_f1 = state, test_f1

    @property
    def so_far(self) -> float:
        """Seconds since it began, or that it took."""
        return time.monotonic() - self.started if self.started is not None else self.seconds

    @property
    def counted(self) -> tuple[float, float] | None:
        """How much of what it is at is done, of how much; None where that is not counted."""
        prepared, trained = self.prepared, self.trained
        if self.state == PREPARING and prepared:
            return prepared[:2]
        if self.state in TRAININGS and trained[1]:
            return trained
        if self.state == TUNING and self.num_trials:
            under_way = sum(map(_share_done, self.running.values()))
            return min(len(self.records) + under_way, self.num_trials), self.num_trials
        return None

    @property
    def seconds_left(self) -> float | None:
        """Of what it is at, by its pace so far; None where that cannot be told."""
        # Asked for once: other threads look on while it changes.
        return self.pace.seconds_left(*counted) if (counted := self.counted) else None

    @property
    def rate(self) -> float | None:
        """Reviews a second of the pack whose leg ended last; None where trials train by themselves."""
        last = [record.epochs[-1] for record in self.running.values() if record.epochs]
        return last[-1].pack_reviews_per_second if last and self.state == TUNING else None

    @property
    def best(self) -> float | None:
        """The best score so far."""
        best = best_of([*self.records, *self.running.values()])
        return best.best.score if best and best.best else None

    @property
    def default(self) -> float | None:
        """The score of the default configuration."""
        return next((record.best.score for record in self.records if record.is_default and record.best), None)

    def note(self, name: str, objective: Objective) -> FamilyNote:
        """What the study's file says of it."""
        done, total = self.counted or (None, None)
        best, default = (None if value is None else objective.text(value) for value in (self.best, self.default))
        statuses = Counter(record.status for record in self.records)
        running = {"running": len(self.running)} if self.running else {}
        return FamilyNote(
            name=name,
            state=self.state,
            trials={**statuses, **running},
            num_trials=self.num_trials,
            slots=self.slots,
            done=done,
            total=total,
            seconds_left=self.seconds_left,
            best=best,
            default=default,
            test_f1=self.test_f1,
            reviews_per_second=self.rate,
            seconds=self.so_far,
        )


def _share_done(record: TrialRecord) -> float:
    """Of a trial that runs, how much of its epochs it has done; 0 where it trains in none."""
    epochs = record.params.get("epochs")
    if not record.epochs or not isinstance(epochs, int | float) or epochs <= 0:
        return 0.0
    return min(1.0, record.epochs[-1].epoch / epochs)
