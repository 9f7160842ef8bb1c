"""Early stopping of trials: ASHA (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning")."""

from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from reviewtune.tuning.records import BEST_JUDGED, PROGRESS, SHARE

FIRST_RUNG = 25
"""Percent of its epochs that a trial has done when it may first be stopped."""
REDUCTION_FACTOR = 2


def first_rung(evaluations_per_epoch: int) -> float:
    """`FIRST_RUNG`, or half of it where trials are scored within epochs: by default the warm-up takes 10 % of them."""
    return FIRST_RUNG if evaluations_per_epoch == 1 else FIRST_RUNG / 2


class AshaButDefault(AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA that never stops the default configuration: it is what the search is measured against.

    Args:
        defaults: Searched values of the default configuration.
        first: Percent at which trials may first be stopped. Trials that tell of a share of the rows stand there,
            whatever part of their own epochs that is.
    """

    def __init__(self, defaults: dict[str, Any], first: float) -> None:
        super().__init__(
            time_attr=PROGRESS,
            metric=BEST_JUDGED,
            mode="max",
            max_t=100,
            grace_period=first,
            reduction_factor=REDUCTION_FACTOR,
            # Otherwise a result between two rungs counts at a lower one that its trial has jumped over.
            stop_last_trials=False,
        )
        self.defaults, self.first = defaults, first

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        """Record the result at its rung; stop a trial in the lower half of those that reached it."""
        if result.get(PROGRESS, 0) >= 100:
            return str(TrialScheduler.STOP)
        if SHARE in result:
            result = {**result, PROGRESS: self.first}
        decision: str = super().on_trial_result(tune_controller, trial, result)
        return str(TrialScheduler.CONTINUE) if trial.config == self.defaults else decision


def make_scheduler(
    *,
    trains_in_epochs: bool,
    defaults: dict[str, Any],
    evaluations_per_epoch: int = 1,
    first_rung_rows: float | None = None,
) -> TrialScheduler:
    """ASHA for what is scored more than once, otherwise none.

    Args:
        trains_in_epochs: The family yields more than once.
        defaults: Searched values of the default configuration.
        evaluations_per_epoch: How often it yields in an epoch.
        first_rung_rows: Share of the rows that a trial is scored after before its epochs; None: it is not.
    """
    first = first_rung(evaluations_per_epoch)
    if first_rung_rows is not None:
        return AshaButDefault(defaults, first / REDUCTION_FACTOR)
    return AshaButDefault(defaults, first) if trains_in_epochs else FIFOScheduler()
