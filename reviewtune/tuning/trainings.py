"""Listed trainings, on folds and the like: run until all are done that can be."""

from collections.abc import Iterable, Sequence

from reviewtune.storage.mirror import remove
from reviewtune.tuning.executor import Executors
from reviewtune.tuning.family_progress import FINALISTS
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.keeper import mark_lost
from reviewtune.tuning.keeping import BEST, LAST
from reviewtune.tuning.records import TrialRecord
from reviewtune.tuning.tasks import run_as_tasks
from reviewtune.tuning.training import Training
from reviewtune.tuning.tuner import Round, run_round


def train(
    run: FamilyRun, executors: Executors, wanted: list[Training], state: str = FINALISTS
) -> list[TrialRecord | None]:
    """The record of each training, those that have not been done being run; None where it could not be.

    What was lost with the machine it ran on is tried again for as long as others end. `state` is what progress tells.
    """
    store, before = run.finalists, -1
    mark_lost(store)
    while True:
        records = sorted(store.read(), key=lambda record: not record.is_done)
        found = [next((record for record in records if record.trains(training)), None) for training in wanted]
        missing = [item for item, record in zip(wanted, found, strict=True) if record is None or not record.is_done]
        done = len(wanted) - len(missing)
        if not missing or done == before:
            return found
        if before >= 0:
            executors.end()
        before = done
        run.progress.train_finalists(run.name, done, len(wanted), state)
        executor = executors.get()
        if executor.assignment:
            run_as_tasks(run, store, missing, executor.assignment)
        else:
            run_round(run, executor, _round(run, missing))


def _round(run: FamilyRun, trainings: list[Training]) -> Round:
    """As many at a time as there is room for."""
    resources = run.resources
    return Round(
        name="tune-finalists",
        store=run.finalists,
        count=len(trainings),
        concurrent=resources.slots * resources.workers if resources.slots else resources.concurrent,
        listed=[training.config for training in trainings],
        most=len(trainings),
    )


def remove_models(run: FamilyRun, records: Iterable[TrialRecord], shipped: Sequence[str] = ()) -> None:
    """Leave of trainings that are done what they said, and the models that are shipped: nothing else is used again."""
    kept = {run.results_dir / model for model in shipped}
    for record in records:
        for name in (BEST, LAST):
            if record.is_done and (folder := run.models / record.trial_id / name) not in kept:
                remove(folder)
