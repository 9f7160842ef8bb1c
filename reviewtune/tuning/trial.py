"""One trial: fit, score every epoch on the validation split, keep the best epoch's model, report.

The same function runs inside a Tune trial and in each worker of a Ray Train `TorchTrainer`; only how it reports differs.
"""

import json
import math
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from reviewtune.errors import StudyError
from reviewtune.evaluation.metrics import validation_scores
from reviewtune.families.base import Epoch, Model, Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.tuning.scheduler import EPOCH, PROGRESS
from reviewtune.tuning.search import BEST_F1

Report = Callable[[dict[str, Any]], None]

PROGRESS_FILE = "trial.json"
BEST = "best"
LAST = "last"


@runtime_checkable
class Resumable(Model, Protocol):
    """A model that keeps the state of its training, so that it can go on elsewhere."""

    def save_state(self, folder: Path, epoch: int) -> None:
        """Write what `Setting.resume_from` needs to go on after `epoch`."""
        ...


@dataclass(frozen=True)
class Assignment:
    """All that a trial of a family needs beside its params; the same for each, shared in memory.

    Attributes:
        family: Its name.
        fixed: Params that are not searched.
        train, validation: The rows, read-only.
        setting: Seed, base model and so on.
        models_dir: Where the models of resumable families are kept, a folder a trial; on storage that all nodes share.
    """

    family: str
    fixed: dict[str, Any]
    train: Rows
    validation: Rows
    setting: Setting
    models_dir: Path


def run_trial(params: dict[str, Any], assignment: Assignment, *, trial_id: str, report: Report, leader: bool = True) -> None:
    """Fit one configuration, reporting after every epoch.

    Args:
        params: The searched values.
        assignment: The rest.
        trial_id: Names the folder of its models; a trial that runs again under its id goes on after its last epoch.
        report: Called with the metrics of each epoch; it may end the trial by raising.
        leader: Whether this process evaluates and saves; of several workers only one does.

    Raises:
        StudyError: The fit gave scores that are not finite.
    """
    family = get_family(assignment.family)
    folder = assignment.models_dir / trial_id
    resume_from = folder / LAST if (folder / LAST).is_dir() else None
    best, seconds = _progress(resume_from)
    validated = family.params.from_values({**assignment.fixed, **params})
    epochs = family.fit(validated, assignment.train, replace(assignment.setting, resume_from=resume_from))
    for epoch, fit_seconds in _timed(epochs, seconds):
        if not leader:
            report({EPOCH: epoch.number})
            continue
        scores = epoch.model.scores(assignment.validation.inputs)
        if not math.isfinite(float(scores.sum())):
            raise StudyError(f"the scores after epoch {epoch.number} are not finite: the learning rate is too high")
        metrics = {**validation_scores(assignment.validation.fake, scores), **epoch.metrics}
        improved = metrics["f1"] > best
        best = max(best, metrics["f1"])
        if isinstance(epoch.model, Resumable):
            _keep(epoch, folder, improved=improved, best=best, seconds=fit_seconds)
        at = {EPOCH: epoch.number, PROGRESS: 100 * epoch.number / epoch.total}
        report({**metrics, **at, "last": epoch.last, BEST_F1: best, "fit_seconds": fit_seconds, **_usage()})


def _timed(epochs: Iterator[Epoch], seconds: float) -> Iterator[tuple[Epoch, float]]:
    """Each epoch with the wall time of the fit so far: the time between the yields, not that of whoever iterates."""
    while True:
        start = time.perf_counter()
        epoch = next(epochs, None)
        seconds += time.perf_counter() - start
        if epoch is None:
            return
        yield epoch, seconds


def _keep(epoch: Epoch, folder: Path, *, improved: bool, best: float, seconds: float) -> None:
    """Replace the trial's last state, and its best model where this epoch is better, each in one step."""
    assert isinstance(epoch.model, Resumable)
    partial = folder / f".{epoch.number}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    epoch.model.save_state(partial, epoch.number)
    (partial / PROGRESS_FILE).write_text(json.dumps({BEST_F1: best, "fit_seconds": seconds}))
    if improved:
        _replace(shutil.copytree(partial, folder / f".best-{epoch.number}"), folder / BEST)
    _replace(partial, folder / LAST)


def _replace(new: Path, place: Path) -> None:
    old = place.with_name(f".old-{place.name}")
    shutil.rmtree(old, ignore_errors=True)
    if place.is_dir():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _progress(resume_from: Path | None) -> tuple[float, float]:
    """Best validation F1 and fit seconds of the epochs before; -1 and 0 at the start."""
    if resume_from is None:
        return -1.0, 0.0
    progress = json.loads((resume_from / PROGRESS_FILE).read_text())
    return progress[BEST_F1], progress["fit_seconds"]


def _usage() -> dict[str, Any]:
    """Device and peak memory of this process: of its GPU where it has used one, otherwise resident memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return {"device": torch.cuda.get_device_name(), "peak_memory_bytes": torch.cuda.max_memory_allocated()}
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"device": "cpu", "peak_memory_bytes": kilobytes * (1 if sys.platform == "darwin" else 1024)}
