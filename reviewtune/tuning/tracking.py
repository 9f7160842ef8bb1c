"""A study's trials, board and artifacts in a tracker beside its own files (`--tracker`): a copy, which nothing reads.

Ray's own callbacks for these do not serve (2.60). That of Weights & Biases asks for a key even offline, and starts an
actor a trial, which packs of 32 have no memory for. That of MLflow logs all that Tune reports, and of the params those
that are searched; a trial that goes on begins without its legs of before. A record has what is wanted, of every trial.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from reviewtune.errors import StudyError, UsageError
from reviewtune.leaderboard.entry import Entry
from reviewtune.storage.mirror import fetch
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.records import EpochRecord, TrialRecord

TRACKERS = {
    "mlflow": "reviewtune.tuning.mlflow_runs:MlflowRuns",
    "wandb": "reviewtune.tuning.wandb_runs:WandbRuns",
}
MEASURED = {"f1": "validation_f1", "accuracy": "validation_accuracy", "roc_auc": "validation_roc_auc"}
"""What a tracker calls what a leg measured, where that is not its own name."""
TOLD = ("f1", "f1_low", "f1_high", "precision", "recall", "roc_auc", "average_precision", "tpr_at_fpr_01", "mcc", "ece")
"""Test scores of an entry that a tracker has."""
BOARD = "board"
BOARD_FILES = tuple(f"leaderboard.{suffix}" for suffix in ("json", "csv", "md", "html"))


class Tracker(Protocol):
    """Where a study's runs are logged.

    Attributes:
        place: For people.
    """

    place: str

    def start(self, family: str, record: TrialRecord) -> None:
        """A trial has begun."""
        ...

    def leg(self, record: TrialRecord, legs: list[EpochRecord]) -> None:
        """A trial has done legs that were not told yet."""
        ...

    def end(self, record: TrialRecord) -> None:
        """A trial has ended, for whatever reason."""
        ...

    def board(self, metrics: Mapping[str, float], files: list[Path], artifacts: Mapping[str, Path]) -> None:
        """The study is at its end: scores of its entries, the files of its board, and folders by the entries' names."""
        ...


class Tracking:
    """Passes on to a tracker what it has not been told; one that fails is given up, and costs the study nothing.

    Args:
        tracker: Where to.
        name: For messages.
        say: Told why it failed.
    """

    def __init__(self, tracker: Tracker, name: str, say: Callable[[str], None]) -> None:
        self._tracker: Tracker | None = tracker
        self._name = name
        self._say = say
        self._told: dict[str, set[int]] = {}
        self._open: dict[str, TrialRecord] = {}

    def trial(self, family: str, event: str, record: TrialRecord) -> None:
        """A trial of `family` has `started`, finished a `leg`, or `ended`, as the records' keeper tells it."""
        self._safely(lambda tracker: self._trial(tracker, family, event, record))

    def finish(self, entries: list[Entry], results_dir: Path) -> None:
        """Log the board and the artifacts of the study's entries."""
        scored = {entry.family: entry for entry in entries if entry.test}
        metrics = {
            f"{family}/test_{name}": value
            for family, entry in scored.items()
            for name in TOLD
            if (value := getattr(entry.test, name)) is not None
        }
        metrics |= {
            f"{family}/unseen_f1": entry.unseen.f1
            for family, entry in scored.items()
            if entry.unseen and entry.unseen.f1 is not None
        }
        files = [path for name in BOARD_FILES if (path := results_dir / name).is_file()]
        folders = {entry.name: results_dir / entry.artifact for entry in scored.values() if entry.artifact}
        there = {name: folder for name, folder in folders.items() if folder.is_dir()}
        self._safely(lambda tracker: tracker.board(metrics, files, {name: fetch(own) for name, own in there.items()}))

    def close(self) -> None:
        """End the trials that are still told of as running: the study ends before they do."""
        for record in self._open.values():
            ended = record.model_copy(update={"status": "lost", "error": "the study ended before it did"})
            self._safely(partial(_end, record=ended))
        self._open.clear()

    def _trial(self, tracker: Tracker, family: str, event: str, record: TrialRecord) -> None:
        if record.trial_id not in self._told:
            self._told[record.trial_id] = set()
            tracker.start(family, record)
        self._open[record.trial_id], told = record, self._told[record.trial_id]
        # A trial that went on has the legs of before, and one whose worker died tells its last one twice.
        legs = [each for number, each in enumerate(record.epochs, 1) if (each.leg or number) not in told]
        if legs:
            told.update(each.leg or number for number, each in enumerate(record.epochs, 1))
            tracker.leg(record, legs)
        if event == "ended":
            del self._told[record.trial_id], self._open[record.trial_id]
            tracker.end(record)

    def _safely(self, work: Callable[[Tracker], None]) -> None:
        if self._tracker is None:
            return
        try:
            work(self._tracker)
        except Exception as error:  # noqa: BLE001 - of servers, disks and what not: nothing of it is the study's
            self._tracker = None
            self._say(f"nothing more is logged to {self._name} ({_reason(error)}); the study goes on")


def _end(tracker: Tracker, record: TrialRecord) -> None:
    tracker.end(record)


def open_tracking(name: str | None, study_id: str, results_dir: Path, say: Callable[[str], None]) -> Tracking | None:
    """What logs a study to the tracker of that name; None for None.

    Args:
        name: One of `TRACKERS`.
        study_id: Of the study: its experiment or group.
        results_dir: Where the tracker's files go, unless its own environment says otherwise.
        say: Told where it logs to, and later why it failed.

    Raises:
        UsageError: Its package is not installed.
        StudyError: It takes nothing: its server cannot be reached, or it does not know who logs.
    """
    if name is None:
        return None
    if find_spec(name) is None:
        raise UsageError(f"--tracker {name}: it is not installed: run `pip install 'reviewtune[{name}]'`")
    module, _, cls = TRACKERS[name].partition(":")
    try:
        tracker = getattr(import_module(module), cls)(study_id, results_dir)
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"--tracker {name} takes nothing ({_reason(error)}): check its environment variables, or leave the flag out"
        ) from error
    say(f"trials are logged to {name}: {tracker.place}")
    return Tracking(tracker, name, say)


def measured(leg: EpochRecord) -> dict[str, float]:
    """What a leg measured, by the names that a tracker has for it."""
    told: dict[str, Any] = leg.model_dump(exclude_none=True, exclude={"leg"})
    return {MEASURED.get(key, key): float(value) for key, value in told.items()}


def _reason(error: Exception) -> str:
    return reason_of(error)[:300].rstrip(".")
