"""What is shipped of a finalist that keeps a model: trained on all development rows, or with those of its folds."""

from reviewtune.errors import StudyError
from reviewtune.storage.mirror import is_there
from reviewtune.tuning.executor import Executors
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.records import TrialRecord
from reviewtune.tuning.training import EVERYTHING, Training, fold_name
from reviewtune.tuning.trainings import train


class UnshippableError(StudyError):
    """A finalist failed by a fault of its own when it was trained on what is shipped."""


def shipped(run: FamilyRun, executors: Executors, record: TrialRecord, until: int | None) -> list[str]:
    """Folders of the models whose mean is shipped, relative to the results directory; none where they are not kept.

    They are one that is trained on all development rows and, unless one is to do, those of the folds by the first seed.

    Args:
        run: The family.
        executors: Of its trials.
        record: The chosen trial of the search.
        until: The leg that they end with; None for the last one.

    Raises:
        UnshippableError: One failed, and would again.
        StudyError: One was not trained.
    """
    if run.plan.family.inputs != "tokens":
        return []
    folds = run.study.num_folds if run.study.config.keep_folds else 0
    names = [EVERYTHING, *(fold_name(fold, folds, 0) for fold in range(folds))]
    wanted = [Training(record.params, name, until) for name in names]
    _raise_if_failed(run, wanted)
    _forget_removed(run, wanted)
    trained = train(run, executors, wanted)
    _raise_if_failed(run, wanted)
    for training, trial in zip(wanted, trained, strict=True):
        if trial is None or trial.status != "finished" or trial.model is None:
            reason = trial.error if trial and trial.error else "it did not run"
            raise StudyError(
                f"{run.name} could not be trained on {_rows_of(training.fold)} ({reason}): the same command tries again"
            )
    return [str(trial.model) for trial in trained if trial]


def _rows_of(fold: str) -> str:
    return "all development reviews" if fold == EVERYTHING else f"fold {fold}"


def _raise_if_failed(run: FamilyRun, wanted: list[Training]) -> None:
    for record in run.finalists.read():
        if record.status == "failed" and any(record.trains(training) for training in wanted):
            raise UnshippableError(
                f"{run.name} could not be trained on {_rows_of(record.fold)} ({record.error}), with params that its "
                "folds bore"
            )


def _forget_removed(run: FamilyRun, wanted: list[Training]) -> None:
    """Forget trials of trainings that are to be shipped and whose models are gone: others were chosen before."""
    for record in run.finalists.read():
        there = record.model is not None and is_there(run.results_dir / record.model)
        if record.status == "finished" and not there and any(record.trains(training) for training in wanted):
            run.finalists.remove(record)
