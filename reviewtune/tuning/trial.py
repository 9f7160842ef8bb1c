"""One trial: fit, score every leg on the rows that are held out from it, keep the best leg's model, report.

The same function runs inside a Tune trial and in each worker of a Ray Train `TorchTrainer`, which differ in how it
reports.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.errors import StudyError
from reviewtune.evaluation.labels import has_both_classes
from reviewtune.families.base import Leg, Model, Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.quiet import be_quiet
from reviewtune.schema import F1, JUDGED
from reviewtune.tuning.first_rung import legs_of
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.keeping import Resumable, keep, kept_result, last_state
from reviewtune.tuning.records import BEST_JUDGED, EARLIER, EPOCH, GPU_JOULES, PROGRESS, SHARE, epoch_record
from reviewtune.tuning.training import Fold, Training
from reviewtune.tuning.usage import forget_peak_memory, usage

NO_SCORE = -1e9
"""Below every score, of a number that JSON has."""
Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Assignment:
    """All that a trial of a family needs beside its params; the same for each, shared in memory.

    Attributes:
        family: Its name.
        fixed: Params that are not searched.
        rows: The development rows, read-only: those of the train split, then those of the validation split.
        folds: Which of them a trial trains on, and by which seed, by the fold's name.
        setting: Base model and so on; the seed is that of the fold.
        models_dir: Where the models of resumable families are kept, a folder a trial; on storage that all nodes share.
        objective: What trials are compared by.
    """

    family: str
    fixed: dict[str, Any]
    rows: Rows
    folds: Mapping[str, Fold]
    setting: Setting
    models_dir: Path
    objective: str = F1


def run_trial(
    config: dict[str, Any], assignment: Assignment, *, trial_id: str, report: Report, leader: bool = True
) -> None:
    """Fit one configuration, reporting after every leg.

    A trial that goes on after its worker died reports its last leg once more, with what the legs before it measured:
    Ray Train forwards a report while the next leg is trained, and a death takes what is not forwarded along.

    Args:
        config: Of the Tune trial: the searched values, or what `Training.config` gives.
        assignment: The rest.
        trial_id: Names the folder of its models; a trial that runs again under its id goes on after its last leg.
        report: Called with the metrics of each leg; it may end the trial by raising.
        leader: Whether this process evaluates and saves; of several workers only one does.

    Raises:
        StudyError: The fit gave scores that are not finite, or the state to go on from is damaged.
    """
    forget_peak_memory()
    family, training = get_family(assignment.family), Training.of(config)
    fold, folder = assignment.folds[training.fold], assignment.models_dir / trial_id
    resume_from = last_state(folder)
    done = kept_result(resume_from) if resume_from else {}
    # No list: Tune would take it for a histogram's values, for TensorBoard.
    earlier = tuple(done.get(EARLIER, ()))
    if done:
        report({**done, EARLIER: earlier} if leader else {EPOCH: done[EPOCH]})
        earlier += recorded(done)
    best, seconds = best_after(done), done.get("fit_seconds", 0.0)
    said = HeldOut.read(folder, until=done["leg"]) if done else HeldOut()
    validated = family.params.from_values({**assignment.fixed, **training.params})
    setting = replace(assignment.setting, seed=fold.seed, resume_from=resume_from)
    legs = legs_of(family, validated, assignment.rows, fold, setting)
    judges = assignment.rows.take(fold.held_out)
    for leg, fit_seconds in _timed(legs, seconds):
        last = training.last_leg(leg.total)
        if not leader:
            report({EPOCH: leg.epoch})
        else:
            metrics = {**_judged(leg.model, judges, leg, said, assignment.objective), **leg.metrics}
            at: dict[str, Any] = {"epoch": leg.epoch, "per_epoch": leg.per_epoch, "share": leg.share}
            result = leg_result(metrics, leg.number, last, **at, best=best, fit_seconds=fit_seconds)
            kept, best = is_kept(training, result, best), best_after(result)
            heard = said if says_more(training, fold) else None
            if isinstance(leg.model, Resumable):
                keep(leg.model, folder, {**result, EARLIER: earlier}, improved=kept, said=heard)
            elif heard and leg.number == last:
                heard.write(folder)
            earlier += recorded(result)
            report(result)
        if leg.number == last:
            return


def results_of(config: dict[str, Any], assignment: Assignment, trial_id: str) -> list[dict[str, Any]]:
    """All that a training reports, in a worker of its own. Arguments as of `run_trial`."""
    be_quiet()
    results: list[dict[str, Any]] = []
    run_trial(config, assignment, trial_id=trial_id, report=results.append)
    return results


def recorded(result: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """What later results tell of this one, as `EARLIER`; nothing where no rows judge the trial."""
    return (epoch_record(result).model_dump(),) if "f1" in result else ()


def _judged(model: Model, judges: Rows, leg: Leg, said: HeldOut, objective: str) -> dict[str, float]:
    """What the model is worth on the rows that judge it, whose scores go into `said`; nothing where there are none."""
    if not len(judges):
        return {}
    said.legs[leg.number] = scores = model.scores(judges.inputs)
    return validation_metrics(scores, judges.fake, leg.epoch, objective)


def is_kept(training: Training, result: Mapping[str, Any], best: float) -> bool:
    """Whether a leg's model is the one to ship: in a search the best so far, otherwise the last.

    Args:
        training: What its trial trains.
        result: What it reports.
        best: Highest score of the legs before.
    """
    return bool(result[JUDGED] > best if training.is_search else result["last"])


def says_more(training: Training, fold: Fold) -> bool:
    """Whether what its models say of the rows that judge them is kept."""
    return not training.is_search and len(fold.held_out) > 0


def validation_metrics(
    scores: NDArray[np.float64], fake: NDArray[np.bool_], epoch: float, objective: str
) -> dict[str, float]:
    """What (N,) scores of held-out rows with these (N,) labels are worth after so many epochs; nothing of one class.

    Raises:
        StudyError: A score is not finite.
    """
    if not np.isfinite(scores).all():
        raise StudyError(f"the scores after epoch {epoch:g} are not finite numbers: lower the learning rate")
    # With scipy's and scikit-learn's statistics: more than all else that a pack's controller and crew import.
    from reviewtune.evaluation.metrics import validation_scores

    return validation_scores(fake, scores, objective) if has_both_classes(fake) else {}


def best_after(result: Mapping[str, Any]) -> float:
    """The highest score that later legs have to beat; none of a share of the rows, nor where there is no result."""
    return NO_SCORE if SHARE in result else result.get(BEST_JUDGED, NO_SCORE)


def leg_result(
    metrics: dict[str, float],
    leg: int,
    total: int,
    *,
    epoch: float,
    best: float,
    fit_seconds: float,
    gpu_joules: float | None = None,
    per_epoch: int = 1,
    share: float | None = None,
) -> dict[str, Any]:
    """What a trial reports after a leg.

    Args:
        metrics: Measured after it; none but the loss where no rows judge the trial.
        leg: Its number, from 1.
        total: Legs of the trial.
        epoch: Epochs that are done.
        best: Highest score of the legs before.
        fit_seconds: Wall time of the fit so far.
        gpu_joules: Energy of its GPU so far; None where it was not measured.
        per_epoch: Legs of an epoch.
        share: Of the rows, that the first leg has seen, where it comes before those of the epochs.
    """
    progress = 100 * leg / total if share is None else 100 * epoch * per_epoch / (total - 1)
    at: dict[str, Any] = {"leg": leg, EPOCH: epoch, PROGRESS: progress, "last": leg == total}
    if share is not None and leg == 1:
        at[SHARE] = share
    if gpu_joules is not None:
        at[GPU_JOULES] = gpu_joules
    return {
        **metrics,
        **at,
        BEST_JUDGED: max(best, metrics.get(JUDGED, NO_SCORE)),
        "fit_seconds": fit_seconds,
        **usage(),
    }


def _timed(legs: Iterator[Leg], seconds: float) -> Iterator[tuple[Leg, float]]:
    """Each leg with the wall time of the fit so far: the time between the yields, not that of whoever iterates."""
    while True:
        start = time.perf_counter()
        leg = next(legs, None)
        seconds += time.perf_counter() - start
        if leg is None:
            return
        yield leg, seconds
