"""Keeps a record of every trial from its start to its end, and tells whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from reviewtune.storage.mirror import fetch, is_there, move, remove
from reviewtune.tracebacks import blames_machine, reason_in
from reviewtune.tuning.keeping import BEST, kept_result
from reviewtune.tuning.records import TrialRecord, TrialStatus, TrialStore, epoch_record, legs_with
from reviewtune.tuning.training import Training

Watcher = Callable[[str, TrialRecord], None]
"""Called with `started`, `leg` or `ended` and the trial's record so far."""


@dataclass
class RecordKeeper(Callback):  # type: ignore[misc]
    """A Tune callback over the trials of one family.

    Args:
        store: Where the records go.
        models_dir: Where trials keep their models, inside `results_dir`.
        results_dir: What the records' paths are relative to.
        defaults: The family's default configuration; a trial's own values go over it.
        watch: Told of every change.
        names: What trials are called.
        study_key: What the study is of.
        left_open: Trials of earlier runs that have not ended. The trial of the same params goes on where one stands.
        ended: Highest number of a trial that has.
        running: Those that have not, by id.
    """

    store: TrialStore
    models_dir: Path
    results_dir: Path
    defaults: dict[str, Any]
    watch: Watcher
    names: Callable[[Any], str] | None = None
    study_key: str | None = None
    left_open: list[TrialRecord] = field(default_factory=list)
    ended: int = 0
    running: dict[str, TrialRecord] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Tune keeps a copy of its callbacks for `Tuner.restore`; whoever watches stays here."""
        return {**self.__dict__, "watch": _nobody}

    def on_trial_start(self, *, trial: Trial, **_: Any) -> None:
        """Tell that a trial has begun, or begun again on another worker."""
        if trial.trial_id not in self.running:
            self._begin(trial)
        self.watch("started", self.running[trial.trial_id])

    def on_trial_result(self, *, trial: Trial, result: dict[str, Any], **_: Any) -> None:
        """Keep a leg; one that is trained again after a worker's death replaces its first try.

        With the last one the record has its end, before the search is told: whoever kills the driver between the two
        would otherwise have the search know of a trial whose record has not ended, and which is trained once more.
        """
        record = self.running[trial.trial_id]
        change = {
            "epochs": legs_with(record.epochs, result),
            "peak_memory_bytes": result.get("peak_memory_bytes", 0),
            "device": result.get("device", "cpu"),
        }
        record = record.model_copy(update=change)
        if result.get("last") or result.get("done"):
            record = self._ended(record, "finished" if result.get("last") else "stopped")
        self._keep("leg", record)

    def on_trial_complete(self, *, trial: Trial, **_: Any) -> None:
        """Keep that a trial ended by itself or was stopped early."""
        if self.running[trial.trial_id].epochs:
            self._end(trial, "stopped")
        else:
            self._end(trial, "failed", "it ended before it was scored")

    def on_trial_error(self, *, trial: Trial, **_: Any) -> None:
        """Keep why a trial failed for good, or was lost with what it ran on."""
        path = Path(trial.error_file) if trial.error_file else None
        self.fail(trial, path.read_text(errors="replace") if path is not None and path.is_file() else "")

    def fail(self, trial: Trial, text: str) -> None:
        """Keep why a trial failed for good, or was lost, from the text of its traceback."""
        if trial.trial_id not in self.running:
            self._begin(trial)
        self._end(trial, "lost" if blames_machine(text) else "failed", reason_in(text))

    def pause(self) -> None:
        """Keep that the time is up for all that still run; Tune tells nobody of the trials that it ends then."""
        for record in list(self.running.values()):
            self._keep("ended", self._ended(record, "paused"))

    def _begin(self, trial: Trial) -> None:
        asked = Training.of(trial.config)
        training = replace(asked, params={**self.defaults, **asked.params})
        record = TrialRecord(
            trial_id=trial.trial_id,
            name=self.names(trial) if self.names else None,
            number=0,
            params=training.params,
            status="running",
            is_default=training.params == self.defaults,
            study_key=self.study_key,
            fold=training.fold,
            until=training.until,
        )
        earlier = next((known for known in self.left_open if known.trains(training)), None)
        if earlier is None:
            self._keep("started", record)
            return
        self.left_open.remove(earlier)
        left, own = self.models_dir / earlier.trial_id, self.models_dir / trial.trial_id
        if is_there(own):
            # It began anew, and has ended before this was told.
            remove(left)
        else:
            move(left, own)
        self._keep("started", record.model_copy(update={"epochs": earlier.epochs}))
        self.store.remove(earlier)

    def _end(self, trial: Trial, status: TrialStatus, error: str | None = None) -> None:
        self._keep("ended", self._ended(self.running[trial.trial_id], status, error))

    def _ended(self, record: TrialRecord, status: TrialStatus, error: str | None = None) -> TrialRecord:
        """The record with its end; as it is where it has one: what comes after the last leg changes nothing."""
        if record.is_done:
            return record
        change = {"status": status, "error": error, "model": self._model(record.trial_id)}
        ended = record.model_copy(update=change)
        if not ended.is_done:
            return ended
        self.ended += 1
        return ended.model_copy(update={"number": self.ended})

    def _model(self, trial_id: str) -> str | None:
        """Where a trial keeps its best model, relative to the results directory; None where it keeps none."""
        model = self.models_dir / trial_id / BEST
        return str(model.relative_to(self.results_dir)) if is_there(model) else None

    def _keep(self, event: str, record: TrialRecord) -> None:
        """Write a record and tell of it; legs are told once more by what a trial goes on from."""
        self.store.write(record, shared=event != "leg" or record.is_done)
        if event == "ended":
            del self.running[record.trial_id]
        else:
            self.running[record.trial_id] = record
        self.watch(event, record)


def mark_lost(store: TrialStore) -> None:
    """Say of trials whose process ended before they did that they are lost; no other may run in their study now."""
    for record in store.read():
        if record.status == "running":
            store.write(record.model_copy(update={"status": "lost", "error": "the study ended before it did"}))


def take_in_legs_ahead(store: TrialStore, results_dir: Path) -> None:
    """Add to the records what Tune has not asked for any more: the leg that a pack had trained ahead.

    Where it is a trial's best, its model is the one that is kept, and the record must be of that model.

    Args:
        store: The records of trials that have all ended; only those that were stopped can have such a leg.
        results_dir: What their paths are relative to.
    """
    for record in store.read():
        folder = results_dir / record.model if record.model else None
        if record.status != "stopped" or folder is None or not fetch(folder).is_dir():
            continue
        kept = epoch_record(kept_result(folder))
        if record.epochs and kept.epoch > record.epochs[-1].epoch:
            store.write(record.model_copy(update={"epochs": [*record.epochs, kept]}))


def _nobody(event: str, record: TrialRecord) -> None:
    """Watch nothing."""
