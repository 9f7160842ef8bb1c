"""Listed trainings of families that need no GPU, as plain Ray tasks: warm processes take one after the other."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from traceback import format_exception_only
from typing import Any

from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.records import TrialStore
from reviewtune.tuning.training import Training
from reviewtune.tuning.trial import Assignment, results_of
from reviewtune.tuning.tuner import make_keeper

ID_LENGTH = 8


@dataclass(frozen=True)
class Task:
    """What a record keeper reads of a trial."""

    trial_id: str
    config: dict[str, Any]


def run_as_tasks(run: FamilyRun, store: TrialStore, trainings: Sequence[Training], assignment: Assignment) -> None:
    """Run trainings, as many at a time as trials of a search; what became of each is in its record then."""
    import ray

    keeper, shared = make_keeper(run, store), ray.put(assignment)
    work = ray.remote(num_cpus=run.resources.cpus, max_retries=1)(results_of)
    left = [Task(uuid.uuid4().hex[:ID_LENGTH], training.config) for training in trainings]
    waiting: dict[Any, Task] = {}
    while left or waiting:
        while left and len(waiting) < run.resources.concurrent:
            begun = left.pop(0)
            waiting[work.remote(begun.config, shared, begun.trial_id)] = begun
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        task: Any = waiting.pop(done)
        keeper.on_trial_start(trial=task)
        try:
            results: list[dict[str, Any]] = ray.get(done)
        except ray.exceptions.RayError as error:
            keeper.fail(task, "".join(format_exception_only(error)))
            continue
        for result in results:
            keeper.on_trial_result(trial=task, result=result)
        keeper.on_trial_complete(trial=task)
