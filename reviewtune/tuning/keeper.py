"""Keeps a record of every trial the moment it ends, and tells whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from reviewtune.tracebacks import reason_in
from reviewtune.tuning.keeping import BEST, kept_result
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from reviewtune.tuning.scheduler import EPOCH

Watcher = Callable[[str, TrialRecord], None]
"""Called with `started`, `leg` or `ended` and the trial's record so far."""

EPOCH_METRICS = ("f1", "accuracy", "roc_auc", "fit_seconds", "train_loss", "pack_reviews_per_second")


@dataclass
class RecordKeeper(Callback):  # type: ignore[misc]
    """A Tune callback over the trials of one family.

    Args:
        store: Where the records go.
        models_dir: Where trials keep their models, inside `results_dir`.
        results_dir: What the records' paths are relative to.
        defaults: The family's default configuration; a trial's own values go over it.
        watch: Told of every change.
        ended: Trials with a record.
        epochs: What each trial has measured so far, by trial id.
        last: The last result of each trial, by trial id.
    """

    store: TrialStore
    models_dir: Path
    results_dir: Path
    defaults: dict[str, Any]
    watch: Watcher
    ended: int = 0
    epochs: dict[str, list[EpochRecord]] = field(default_factory=dict)
    last: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Tune keeps a copy of its callbacks for `Tuner.restore`; whoever watches stays here."""
        return {**self.__dict__, "watch": _nobody}

    def on_trial_start(self, *, trial: Trial, **_: Any) -> None:
        """Tell that a trial has begun, or begun again on another worker."""
        self.watch("started", self._record(trial, "finished"))

    def on_trial_result(self, *, trial: Trial, result: dict[str, Any], **_: Any) -> None:
        """Remember a leg; one that is trained again after a worker's death replaces its first try."""
        epoch = epoch_record(result)
        earlier = [known for known in self.epochs.get(trial.trial_id, []) if known.epoch < epoch.epoch]
        self.epochs[trial.trial_id] = [*earlier, epoch]
        self.last[trial.trial_id] = result
        self.watch("leg", self._record(trial, "finished"))

    def on_trial_complete(self, *, trial: Trial, **_: Any) -> None:
        """Keep the record of a trial that ended by itself or was stopped early."""
        if trial.trial_id not in self.epochs:
            self._end(self._record(trial, "failed", error="it ended before it was scored"))
            return
        self._end(self._record(trial, "finished" if self.last[trial.trial_id].get("last") else "stopped"))

    def on_trial_error(self, *, trial: Trial, **_: Any) -> None:
        """Keep the record of a trial that failed for good."""
        self._end(self._record(trial, "failed", error=_reason(trial)))

    def _end(self, record: TrialRecord) -> None:
        self.ended += 1
        record = record.model_copy(update={"number": self.ended})
        self.store.write(record)
        self.watch("ended", record)

    def _record(self, trial: Trial, status: Any, error: str | None = None) -> TrialRecord:
        last = self.last.get(trial.trial_id, {})
        folder = self.models_dir / trial.trial_id / BEST
        params = {**self.defaults, **trial.config}
        return TrialRecord(
            trial_id=trial.trial_id,
            number=self.ended,
            params=params,
            status=status,
            epochs=self.epochs.get(trial.trial_id, []),
            error=error,
            model=str(folder.relative_to(self.results_dir)) if folder.is_dir() else None,
            peak_memory_bytes=last.get("peak_memory_bytes", 0),
            device=last.get("device", "cpu"),
            is_default=params == self.defaults,
        )


def epoch_record(result: dict[str, Any]) -> EpochRecord:
    """What a record keeps of a trial's result."""
    return EpochRecord(epoch=result[EPOCH], **{name: result[name] for name in EPOCH_METRICS if name in result})


def take_in_legs_ahead(store: TrialStore, results_dir: Path) -> None:
    """Add to the records what Tune has not asked for any more: the leg that a pack had trained ahead.

    Where it is a trial's best, its model is the one that is kept, and the record must be of that model.

    Args:
        store: The records of trials that have all ended; only those that were stopped can have such a leg.
        results_dir: What their paths are relative to.
    """
    for record in store.read():
        folder = results_dir / record.model if record.model else None
        if record.status != "stopped" or folder is None or not folder.is_dir():
            continue
        kept = epoch_record(kept_result(folder))
        if record.epochs and kept.epoch > record.epochs[-1].epoch:
            store.write(record.model_copy(update={"epochs": [*record.epochs, kept]}))


def _nobody(event: str, record: TrialRecord) -> None:
    """Watch nothing."""


def _reason(trial: Trial) -> str:
    """What a failed trial's error file says went wrong."""
    path = Path(trial.error_file) if trial.error_file else None
    return reason_in(path.read_text(errors="replace") if path is not None and path.is_file() else "")
