"""What a person sees while a study runs: a live table on a terminal, a line an event elsewhere."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from reviewtune.data.watching import watched
from reviewtune.errors import one_line
from reviewtune.evaluation.objective import OBJECTIVES, Objective
from reviewtune.schema import F1
from reviewtune.tuning.records import TrialRecord, best_of, epochs_text
from reviewtune.tuning.training import SEARCH
from reviewtune.tuning.waiting import Pace, Seldom


def say(console: Console, line: str) -> None:
    """Print a line as it is: in a file it stays one line, and a name or an error in brackets is no markup."""
    console.print(one_line(line), highlight=False, markup=False, soft_wrap=not console.is_terminal)


PREPARING, FINALISTS, UNSEEN = "preparing", "finalists", "unseen"
_LISTED = {FINALISTS: ("finalists on folds, ", "folds "), UNSEEN: ("without a source, ", "unseen ")}
"""How trainings that are no longer searched are told in the live table, and in a narrow one."""

BRIEF = 80
"""Columns under which the live table leaves out how far each trial is."""


_END = {"lost": "was lost and will be tried again"}
"""How a trial's end is told, where that is not its status."""


@dataclass
class FamilyProgress:
    """How far one family has come."""

    num_trials: int
    records: list[TrialRecord] = field(default_factory=list)
    running: dict[str, TrialRecord] = field(default_factory=dict)
    state: str = "waiting"
    prepared: tuple[int, int, str] | None = None
    """Reviews that are in the form it reads, of how many, and how long the rest takes; None where that is not known."""
    trained: tuple[int, int] = (0, 0)
    """Trainings of finalists, or of the chosen one without a source, that are done, of how many."""
    told: set[str] = field(default_factory=set)
    """Why trials were lost since it began to tune."""
    started: float | None = None
    seconds: float = 0.0
    test_f1: float | None = None


class Progress:
    """Shows a study's families as they are tuned.

    Args:
        num_trials: Of each family, by name.
        console: Where to.
        objective: Name of what trials are compared by.
    """

    def __init__(self, num_trials: dict[str, int], console: Console, objective: str = F1) -> None:
        self.objective = OBJECTIVES[objective]
        self.console = console
        self.families = {family: FamilyProgress(number) for family, number in num_trials.items()}
        self._seldom = Seldom(self.say)
        self._ending = ExitStack()
        self._pace = Pace()
        self._live = (
            Live(get_renderable=self.table, console=console, refresh_per_second=2) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        self._ending.enter_context(watched(self.prepared))
        if self._live:
            self._ending.enter_context(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    def say(self, line: str) -> None:
        """Print a line above the table."""
        say(self.console, line)

    def begin(self, family: str, state: str, records: list[TrialRecord]) -> None:
        """A family is at work, with the trials of earlier runs."""
        progress = self.families[family]
        progress.state, progress.records, progress.prepared = state, list(records), None
        progress.told.clear()
        progress.started = progress.started or time.monotonic()
        if not self._live:
            self.say(f"{family}: {state}")

    def prepared(self, what: str, done: int, total: int) -> None:
        """So many of the reviews are in the form that the family which is being prepared reads."""
        left = self._pace.left(done, total)
        for name, progress in self.families.items():
            if progress.state == PREPARING:
                progress.prepared = (done, total, left)
                if not self._live:
                    self._seldom(f"{name}: {what} {done:,} of {total:,} reviews{left}")

    def train_finalists(self, family: str, done: int, total: int, state: str = FINALISTS) -> None:
        """So many of a family's trainings are done: of finalists on folds, or of the chosen one without a source."""
        progress = self.families[family]
        progress.state, progress.trained = state, (done, total)
        progress.started = progress.started or time.monotonic()
        if not self._live:
            self.say(f"{family}: {state}, {done} of {total} trainings done")

    def trial(self, family: str, event: str, record: TrialRecord) -> None:
        """A trial of `family` has `started`, finished a `leg`, or `ended`."""
        progress = self.families[family]
        if record.fold != SEARCH:
            self._finalist(family, event, record)
            return
        if event != "ended":
            progress.running[record.trial_id] = record
            return
        progress.running.pop(record.trial_id, None)
        if record.status != "lost":
            progress.records.append(record)
        if record.error:
            self._tell(family, f"trial {record.trial_id}", record)
        elif not self._live:
            self.say(_line(family, record, progress, self.objective))

    def _finalist(self, family: str, event: str, record: TrialRecord) -> None:
        """The same of a finalist's training on a fold."""
        if event != "ended":
            return
        progress = self.families[family]
        done, total = progress.trained
        progress.trained = (done + record.is_done, total)
        if record.error:
            unseen = progress.state == UNSEEN
            self._tell(family, f"training {record.fold}" if unseen else f"finalist, fold {record.fold},", record)

    def _tell(self, family: str, what: str, record: TrialRecord) -> None:
        """Say why a trial failed, or, once for all that are lost for the same reason, was lost."""
        lost = record.status == "lost"
        if lost and record.error in self.families[family].told:
            return
        once = ""
        if lost and record.error:
            self.families[family].told.add(record.error)
            once = " (told once, for all that this befalls)"
        self.say(f"{family} {what} {_END.get(record.status, record.status)}: {record.error}{once}")

    def end(self, family: str, state: str, test_f1: float | None) -> None:
        """A family has its entry, or none."""
        progress = self.families[family]
        progress.state, progress.test_f1 = state, test_f1
        took = "kept from before"
        if progress.started is not None:
            progress.seconds = time.monotonic() - progress.started
            took = f"{progress.seconds:.0f} s"
        progress.started = None
        if not self._live:
            scored = f", test F1 {test_f1:.4f}" if test_f1 is not None else ""
            self.say(f"{family}: {state}{scored} ({took})")

    def table(self) -> Table:
        """The live table."""
        brief = self.console.width < BRIEF
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("family", "trials", f"best {self.objective.title}", "default", "test F1", "time", "now"):
            table.add_column(name, justify="left" if name in ("family", "now") else "right", no_wrap=True)
        for family, progress in self.families.items():
            table.add_row(family, *_cells(progress, self.objective, brief=brief))
        return table


def _cells(progress: FamilyProgress, objective: Objective, *, brief: bool) -> tuple[str, ...]:
    best = best_of([*progress.records, *progress.running.values()])
    default = next((record.best for record in progress.records if record.is_default and record.best), None)
    seconds = time.monotonic() - progress.started if progress.started else progress.seconds
    now = progress.state
    if progress.prepared:
        done, total, left = progress.prepared
        now = f"{done / total:.0%} ready" if brief else f"{done:,}/{total:,}{left}"
    if progress.state in _LISTED:
        now = _LISTED[progress.state][brief]
        now += "{}/{}".format(*progress.trained)
    if progress.running and progress.state == "tuning":
        epochs = [record.epochs[-1].epoch if record.epochs else 0 for record in progress.running.values()]
        now = f"{len(epochs)} running"
        rate = _pack_rate(progress)
        if rate is not None and not brief:
            now += f", {rate:,.0f} reviews/s"
        elif any(epochs) and not brief:
            now += f", epochs {' '.join(map(epochs_text, epochs))}"
    return (
        f"{len(progress.records)}/{progress.num_trials}" if progress.num_trials else "",
        objective.text(best.best.score) if best and best.best else "",
        objective.text(default.score) if default else "",
        f"{progress.test_f1:.4f}" if progress.test_f1 is not None else "",
        f"{seconds:.0f} s" if seconds else "",
        now,
    )


def _pack_rate(progress: FamilyProgress) -> float | None:
    """Reviews a second of the pack whose leg ended last; None where trials train by themselves."""
    last = [record.epochs[-1] for record in progress.running.values() if record.epochs]
    return last[-1].pack_reviews_per_second if last else None


def _line(family: str, record: TrialRecord, progress: FamilyProgress, objective: Objective) -> str:
    best, epochs = best_of(progress.records), record.epochs[-1].epoch if record.epochs else 0
    default = ", the default configuration" if record.is_default else ""
    params = " ".join(f"{name}={_short(value)}" for name, value in record.params.items())
    score = objective.text(record.best.score) if record.best else "none"
    incumbent = objective.text(best.best.score) if best and best.best else "none"
    measured = f"{objective.title} {score} (best {incumbent}), {epochs_text(epochs)} epoch{'s' * (epochs != 1)}"
    return (
        f"{family} {len(progress.records)}/{progress.num_trials} {record.status}: "
        f"{measured}, {record.fit_seconds:.1f} s{default}: {params}"
    )


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
