"""Early stopping of trials: ASHA (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning")."""

from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from reviewtune.tuning.search import BEST_F1

EPOCH = "epoch"
PROGRESS = "progress"
"""Share of its own epochs that a trial has done, in percent. Trials of two and of five epochs meet at a rung where
their learning-rate schedules stand at the same point: by the epoch the short ones would win, their rate being lower."""

FIRST_RUNG = 25
REDUCTION_FACTOR = 2


class AshaButDefault(AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA that never stops the default configuration: it is what the search is measured against.

    Args:
        defaults: Searched values of the default configuration.
    """

    def __init__(self, defaults: dict[str, Any]) -> None:
        super().__init__(
            time_attr=PROGRESS,
            metric=BEST_F1,
            mode="max",
            max_t=100,
            grace_period=FIRST_RUNG,
            reduction_factor=REDUCTION_FACTOR,
        )
        self.defaults = defaults

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        """Record the result at its rung; stop a trial in the lower half of those that reached it."""
        decision: str = super().on_trial_result(tune_controller, trial, result)
        if decision == TrialScheduler.STOP and trial.config == self.defaults and result[PROGRESS] < 100:
            return str(TrialScheduler.CONTINUE)
        return decision


def make_scheduler(*, trains_in_epochs: bool, defaults: dict[str, Any]) -> TrialScheduler:
    """ASHA for what trains in epochs, otherwise none.

    Args:
        trains_in_epochs: The family yields after every epoch.
        defaults: Searched values of the default configuration.
    """
    return AshaButDefault(defaults) if trains_in_epochs else FIFOScheduler()
