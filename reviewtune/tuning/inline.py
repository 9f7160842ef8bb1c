"""The executor that trains a trial inside its Tune trial: every family's, and QLoRA's on one device."""

from collections.abc import Callable
from typing import Any

from reviewtune.quiet import be_quiet
from reviewtune.tuning.resources import Resources
from reviewtune.tuning.trial import Assignment, run_trial


def inline_trainable(assignment: Assignment, resources: Resources) -> Callable[[dict[str, Any]], None]:
    """A Tune function trainable; the rows are shared with all trials of a node, read-only and without a copy."""
    from ray import tune

    def train(params: dict[str, Any], shared: Assignment) -> None:
        be_quiet()
        run_trial(params, shared, trial_id=tune.get_context().get_trial_id(), report=tune.report)

    # What Ray's dashboard calls the actor, and TensorBoard the run.
    train.__name__ = assignment.family
    trainable: Callable[[dict[str, Any]], None] = tune.with_resources(
        tune.with_parameters(train, shared=assignment), {"cpu": resources.cpus, "gpu": resources.gpus}
    )
    return trainable
