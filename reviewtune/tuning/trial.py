"""One trial: fit, score every epoch on the validation split, keep the best epoch's model, report.

The same function runs inside a Tune trial and in each worker of a Ray Train `TorchTrainer`, which differ in how it
reports.
"""

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import TypeAdapter

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


def run_trial(
    params: dict[str, Any], assignment: Assignment, *, trial_id: str, report: Report, leader: bool = True
) -> None:
    """Fit one configuration, reporting after every epoch.

    A trial that goes on after its worker died reports its last epoch once more: the death may have come before the
    report.

    Args:
        params: The searched values.
        assignment: The rest.
        trial_id: Names the folder of its models; a trial that runs again under its id goes on after its last epoch.
        report: Called with the metrics of each epoch; it may end the trial by raising.
        leader: Whether this process evaluates and saves; of several workers only one does.

    Raises:
        StudyError: The fit gave scores that are not finite, or the state to go on from is damaged.
    """
    _forget_peak_memory()
    family = get_family(assignment.family)
    folder = assignment.models_dir / trial_id
    resume_from = folder / LAST if (folder / LAST).is_dir() else None
    done = _progress(resume_from) if resume_from else {}
    if done:
        report(done if leader else {EPOCH: done[EPOCH]})
    best, seconds = done.get(BEST_F1, -1.0), done.get("fit_seconds", 0.0)
    validated = family.params.from_values({**assignment.fixed, **params})
    epochs = family.fit(validated, assignment.train, replace(assignment.setting, resume_from=resume_from))
    for epoch, fit_seconds in _timed(epochs, seconds):
        if not leader:
            report({EPOCH: epoch.number})
            continue
        metrics = _metrics(epoch, assignment.validation)
        improved = metrics["f1"] > best
        best = max(best, metrics["f1"])
        at = {EPOCH: epoch.number, PROGRESS: 100 * epoch.number / epoch.total, "last": epoch.last}
        result = {**metrics, **at, BEST_F1: best, "fit_seconds": fit_seconds, **_usage()}
        if isinstance(epoch.model, Resumable):
            _keep(epoch.model, folder, result, improved=improved)
        report(result)


def _metrics(epoch: Epoch, validation: Rows) -> dict[str, float]:
    scores = epoch.model.scores(validation.inputs)
    if not np.isfinite(scores).all():
        raise StudyError(f"the scores after epoch {epoch.number} are not finite numbers: lower the learning rate")
    return {**validation_scores(validation.fake, scores), **epoch.metrics}


def _timed(epochs: Iterator[Epoch], seconds: float) -> Iterator[tuple[Epoch, float]]:
    """Each epoch with the wall time of the fit so far: the time between the yields, not that of whoever iterates."""
    while True:
        start = time.perf_counter()
        epoch = next(epochs, None)
        seconds += time.perf_counter() - start
        if epoch is None:
            return
        yield epoch, seconds


def _keep(model: Resumable, folder: Path, result: dict[str, Any], *, improved: bool) -> None:
    """Replace the trial's last state, and its best model where this epoch is better, each in one step."""
    partial, best = folder / ".partial", folder / ".partial-best"
    for leftover in (partial, best):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save_state(partial, result[EPOCH])
    (partial / PROGRESS_FILE).write_text(json.dumps(result) + "\n")
    if improved:
        _replace(shutil.copytree(partial, best), folder / BEST)
    _replace(partial, folder / LAST)


def _replace(new: Path, place: Path) -> None:
    old = place.with_name(f".old-{place.name}")
    shutil.rmtree(old, ignore_errors=True)
    if place.is_dir():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _progress(resume_from: Path) -> dict[str, Any]:
    """The last result that the trial kept."""
    path = resume_from / PROGRESS_FILE
    try:
        progress: dict[str, Any] = TypeAdapter(dict[str, Any]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StudyError(f"{path} is damaged ({reason}): delete its folder, the trial begins anew") from None
    return progress


def _gpu() -> Any:
    """`torch.cuda` where this process has used a GPU, otherwise None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None


def _forget_peak_memory() -> None:
    """A worker runs trial after trial: the memory of the ones before is not this one's."""
    if cuda := _gpu():
        cuda.reset_peak_memory_stats()


def _usage() -> dict[str, Any]:
    """Device and peak memory: of the GPU where this process has used one, otherwise its largest resident memory."""
    cuda = _gpu()
    if cuda and cuda.max_memory_allocated():
        return {"device": cuda.get_device_name(), "peak_memory_bytes": cuda.max_memory_allocated()}
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"device": "cpu", "peak_memory_bytes": kilobytes * (1 if sys.platform == "darwin" else 1024)}
