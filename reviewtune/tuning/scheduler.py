"""Early stopping of trials: ASHA (Li et al. 2020) on the trial's own epoch counter."""

from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from reviewtune.tuning.search import BEST_F1

EPOCH = "epoch"
REDUCTION_FACTOR = 3


def make_scheduler(*, trains_in_epochs: bool, max_epochs: int) -> TrialScheduler:
    """ASHA for what trains in more than one epoch, otherwise none.

    Args:
        trains_in_epochs: The family yields after every epoch.
        max_epochs: Most epochs of any configuration in the space.
    """
    if not trains_in_epochs or max_epochs < 2:
        return FIFOScheduler()
    return AsyncHyperBandScheduler(
        time_attr=EPOCH,
        metric=BEST_F1,
        mode="max",
        max_t=max_epochs,
        grace_period=1,
        reduction_factor=REDUCTION_FACTOR,
    )
