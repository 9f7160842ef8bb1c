"""One trial: fit, score every leg on the validation split, keep the best leg's model, report.

The same function runs inside a Tune trial and in each worker of a Ray Train `TorchTrainer`, which differ in how it
reports.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.errors import StudyError
from reviewtune.evaluation.metrics import validation_scores
from reviewtune.families.base import Leg, Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.tuning.keeping import Resumable, keep, kept_result, last_state
from reviewtune.tuning.scheduler import EPOCH, PROGRESS
from reviewtune.tuning.search import BEST_F1
from reviewtune.tuning.usage import forget_peak_memory, usage

Report = Callable[[dict[str, Any]], None]


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
    """Fit one configuration, reporting after every leg.

    A trial that goes on after its worker died reports its last leg once more: the death may have come before the
    report.

    Args:
        params: The searched values.
        assignment: The rest.
        trial_id: Names the folder of its models; a trial that runs again under its id goes on after its last leg.
        report: Called with the metrics of each leg; it may end the trial by raising.
        leader: Whether this process evaluates and saves; of several workers only one does.

    Raises:
        StudyError: The fit gave scores that are not finite, or the state to go on from is damaged.
    """
    forget_peak_memory()
    family = get_family(assignment.family)
    folder = assignment.models_dir / trial_id
    resume_from = last_state(folder)
    done = kept_result(resume_from) if resume_from else {}
    if done:
        report(done if leader else {EPOCH: done[EPOCH]})
    best, seconds = done.get(BEST_F1, -1.0), done.get("fit_seconds", 0.0)
    validated = family.params.from_values({**assignment.fixed, **params})
    legs = family.fit(validated, assignment.train, replace(assignment.setting, resume_from=resume_from))
    for leg, fit_seconds in _timed(legs, seconds):
        if not leader:
            report({EPOCH: leg.epoch})
            continue
        scores = leg.model.scores(assignment.validation.inputs)
        metrics = {**validation_metrics(scores, assignment.validation, leg.epoch), **leg.metrics}
        result = leg_result(metrics, leg.number, leg.total, epoch=leg.epoch, best=best, fit_seconds=fit_seconds)
        improved, best = metrics["f1"] > best, result[BEST_F1]
        if isinstance(leg.model, Resumable):
            keep(leg.model, folder, result, improved=improved)
        report(result)


def validation_metrics(scores: NDArray[np.float64], validation: Rows, epoch: float) -> dict[str, float]:
    """What (N,) scores of the validation rows are worth after so many epochs.

    Raises:
        StudyError: A score is not finite.
    """
    if not np.isfinite(scores).all():
        raise StudyError(f"the scores after epoch {epoch:g} are not finite numbers: lower the learning rate")
    return validation_scores(validation.fake, scores)


def leg_result(
    metrics: dict[str, float], leg: int, total: int, *, epoch: float, best: float, fit_seconds: float
) -> dict[str, Any]:
    """What a trial reports after a leg.

    Args:
        metrics: Measured after it.
        leg: Its number, from 1.
        total: Legs of the trial.
        epoch: Epochs that are done.
        best: Highest validation F1 of the legs before.
        fit_seconds: Wall time of the fit so far.
    """
    at = {"leg": leg, EPOCH: epoch, PROGRESS: 100 * leg / total, "last": leg == total}
    return {**metrics, **at, BEST_F1: max(best, metrics["f1"]), "fit_seconds": fit_seconds, **usage()}


def _timed(legs: Iterator[Leg], seconds: float) -> Iterator[tuple[Leg, float]]:
    """Each leg with the wall time of the fit so far: the time between the yields, not that of whoever iterates."""
    while True:
        start = time.perf_counter()
        leg = next(legs, None)
        seconds += time.perf_counter() - start
        if leg is None:
            return
        yield leg, seconds
