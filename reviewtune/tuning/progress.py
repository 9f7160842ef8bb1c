"""What a person sees while a study runs: a live table with a bar on a terminal, a line an event elsewhere."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from reviewtune.data.watching import watched
from reviewtune.errors import one_line
from reviewtune.evaluation.objective import OBJECTIVES, Objective
from reviewtune.progress_note import FamilyNote
from reviewtune.schema import F1
from reviewtune.tuning.family_progress import FINALISTS, PREPARING, UNSEEN, FamilyProgress
from reviewtune.tuning.live_view import family_table, live_view
from reviewtune.tuning.names import short
from reviewtune.tuning.progress_file import ProgressFile
from reviewtune.tuning.records import TrialRecord, best_of, epochs_text
from reviewtune.tuning.training import SEARCH
from reviewtune.tuning.waiting import Pace, Seldom


def say(console: Console, line: str) -> None:
    """Print a line as it is: in a file it stays one line, and a name or an error in brackets is no markup."""
    console.print(one_line(line), highlight=False, markup=False, soft_wrap=not console.is_terminal)


_END = {"lost": "was lost and will be tried again"}
"""How a trial's end is told, where that is not its status."""


class Progress:
    """Shows a study's families as they are tuned.

    Args:
        num_trials: Of each family, by name.
        console: Where to.
        objective: Name of what trials are compared by.
        folder: Of the study, where a file says the same to whoever looks on; None: there is none.
    """

    def __init__(
        self, num_trials: dict[str, int], console: Console, objective: str = F1, folder: Path | None = None
    ) -> None:
        self.objective = OBJECTIVES[objective]
        self.console = console
        self.families = {family: FamilyProgress(number) for family, number in num_trials.items()}
        self._seldom = Seldom(self._event)
        self._ending = ExitStack()
        self._pace = Pace()
        self._live = (
            Live(get_renderable=self.view, console=console, refresh_per_second=2) if console.is_terminal else None
        )
        self._file = ProgressFile(folder, self.objective.title, self._notes) if folder else None

    def __enter__(self) -> Self:
        self._ending.enter_context(watched(self.prepared))
        if self._file:
            self._file.begin()
        if self._live:
            self._ending.enter_context(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()
        if self._file:
            self._file.end("ended" if kind is None else "interrupted" if kind is KeyboardInterrupt else "failed")

    def say(self, line: str) -> None:
        """Print a line above the table."""
        say(self.console, line)
        if self._file:
            self._file.note(line)

    def begin(self, family: str, state: str, records: list[TrialRecord], slots: int | None = None) -> None:
        """A family is at work, with the trials of earlier runs, so many of its trials at a time."""
        progress = self.families[family]
        progress.begin(state, slots)
        progress.records = list(records)
        progress.told.clear()
        self._event(f"{family}: {state}")

    def prepared(self, what: str, done: int, total: int) -> None:
        """So many of the reviews are in the form that the family which is being prepared reads."""
        left = self._pace.left(done, total)
        for name, progress in self.families.items():
            if progress.state == PREPARING:
                progress.prepared = (done, total, left)
                self._seldom(f"{name}: {what} {done:,} of {total:,} reviews{left}")

    def train_finalists(self, family: str, done: int, total: int, state: str = FINALISTS) -> None:
        """So many of a family's trainings are done: of finalists on folds, or of the chosen one without a source."""
        progress = self.families[family]
        progress.begin(state)
        progress.trained = (done, total)
        self._event(f"{family}: {state}, {done} of {total} trainings done")

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
        else:
            self._event(_line(family, record, progress, self.objective))

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
        took = "kept from before" if progress.started is None else f"{progress.so_far:.0f} s"
        progress.end(state, test_f1)
        scored = f", test F1 {test_f1:.4f}" if test_f1 is not None else ""
        self._event(f"{family}: {state}{scored} ({took})")

    def view(self) -> RenderableType:
        """What a terminal shows: the table, and a bar."""
        return live_view(self.families, self.objective, self.console.width)

    def table(self) -> Table:
        """The live table."""
        return family_table(self.families, self.objective, self.console.width)

    def _event(self, line: str) -> None:
        """Print a line where no table shows the same."""
        if not self._live:
            self.say(line)
        elif self._file:
            self._file.note(line)

    def _notes(self) -> list[FamilyNote]:
        return [progress.note(name, self.objective) for name, progress in self.families.items()]


def _line(family: str, record: TrialRecord, progress: FamilyProgress, objective: Objective) -> str:
    best, epochs = best_of(progress.records), record.epochs[-1].epoch if record.epochs else 0
    default = ", the default configuration" if record.is_default else ""
    params = " ".join(f"{name}={short(value)}" for name, value in record.params.items())
    score = objective.text(record.best.score) if record.best else "none"
    incumbent = objective.text(best.best.score) if best and best.best else "none"
    measured = f"{objective.title} {score} (best {incumbent}), {epochs_text(epochs)} epoch{'s' * (epochs != 1)}"
    return (
        f"{family} {len(progress.records)}/{progress.num_trials} {record.status}: "
        f"{measured}, {record.fit_seconds:.1f} s{default}: {params}"
    )
