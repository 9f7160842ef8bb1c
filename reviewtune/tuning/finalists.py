"""The best configurations of a search, trained again on folds of all development rows: what they say chooses.

Each fold and seed of a finalist is a trial like any other, on rows of its own; in packs all of them train at once.
Shape letters: `N` development rows, `S` seeds, `F` folds, `L` legs.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from reviewtune.errors import StudyError
from reviewtune.evaluation.gain import gain_over_default
from reviewtune.evaluation.selection import FoldScores, choose
from reviewtune.leaderboard.scores import Gain, Selection
from reviewtune.storage.mirror import is_there, remove
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.entries import selection_of
from reviewtune.tuning.executor import Executors
from reviewtune.tuning.family_progress import FINALISTS
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.keeper import mark_lost
from reviewtune.tuning.keeping import BEST, LAST
from reviewtune.tuning.records import TrialRecord, best_first
from reviewtune.tuning.tasks import run_as_tasks
from reviewtune.tuning.training import EVERYTHING, MORE_SEEDS, Training, fold_name
from reviewtune.tuning.tuner import Round, run_round


@dataclass(frozen=True)
class Finalist:
    """A configuration and its trainings on folds.

    Attributes:
        record: Its trial of the search.
        trials: The records of its trainings, by (seed, fold), from 0.
    """

    record: TrialRecord
    trials: dict[tuple[int, int], TrialRecord]

    @property
    def scores(self) -> FoldScores:
        """(S, F, L) scores by the study's objective, of the legs that all trainings have."""
        by_leg = {place: {epoch.leg: epoch.score for epoch in trial.epochs} for place, trial in self.trials.items()}
        legs = sorted(set.intersection(*(set(own) for own in by_leg.values())))
        seeds, folds = (max(numbers) + 1 for numbers in zip(*by_leg, strict=True))
        values = [[[by_leg[seed, fold][leg] for leg in legs] for fold in range(folds)] for seed in range(seeds)]
        return FoldScores(legs, np.array(values))

    def f1(self, leg: int) -> NDArray[np.float64]:
        """(F,) F1 after a leg, the mean over seeds."""
        by_fold: dict[int, list[float]] = defaultdict(list)
        for (_, fold), trial in self.trials.items():
            by_fold[fold] += [epoch.f1 for epoch in trial.epochs if epoch.leg == leg]
        return np.array([np.mean(by_fold[fold]) for fold in sorted(by_fold)])

    def seconds(self, leg: int) -> float:
        """Of a training until the end of a leg."""
        return median(epoch.fit_seconds for trial in self.trials.values() for epoch in trial.epochs if epoch.leg == leg)


def finalists_of(records: list[TrialRecord], count: int) -> list[TrialRecord]:
    """The best configurations of a search, each once, and the default one, which they are measured against.

    Args:
        records: Of the search.
        count: How many of the best.
    """
    different: list[TrialRecord] = []
    for record in best_first(records):
        if len(different) < count and not any(record.params == known.params for known in different):
            different.append(record)
    default = next((record for record in best_first(records) if record.is_default), None)
    known = default is None or any(record.params == default.params for record in different)
    return different if known or default is None else [*different, default]


def choose_by_folds(run: FamilyRun, executors: Executors, records: list[TrialRecord]) -> Chosen:
    """Train the finalists on the folds, those of them that have not been, and choose among them.

    Raises:
        StudyError: No finalist has been trained on all folds.
    """
    finalists = list(_trained(run, executors, finalists_of(records, run.study.config.finalists)))
    scores = [finalist.scores for finalist in finalists]
    seconds = [finalist.seconds(own.leg) for finalist, own in zip(finalists, scores, strict=True)]
    taken, best = choose(scores, seconds)
    chosen, own = finalists[taken], scores[taken]
    said = {
        finalist.record.trial_id: _out_of_fold(run, finalist, judged.leg)
        for finalist, judged in zip(finalists, scores, strict=True)
    }
    models = _shipped(run, executors, chosen.record, None if own.leg == own.legs[-1] else own.leg)
    remove_models(run, run.finalists.read(), models)
    return Chosen(
        record=chosen.record,
        epoch=next(epoch.epoch for epoch in chosen.trials[0, 0].epochs if epoch.leg == own.leg),
        models=models,
        fit_seconds=seconds[taken],
        selection=_selection(run, finalists, scores, taken, best, models=max(1, len(models))),
        scores=said[chosen.record.trial_id],
        gain=_gain(run, finalists, said, chosen),
    )


def _selection(
    run: FamilyRun, finalists: list[Finalist], scores: list[FoldScores], taken: int, best: int, *, models: int
) -> Selection:
    """What the folds say of the finalist `taken`, and of the default one and the best beside it."""
    f1 = [finalist.f1(own.leg) for finalist, own in zip(finalists, scores, strict=True)]
    default = next((each for finalist, each in zip(finalists, f1, strict=True) if finalist.record.is_default), None)
    return selection_of(
        f1[taken],
        scores[taken].by_fold,
        run.study.config.objective,
        seeds=len(scores[taken].values),
        highest_f1=f1[best].mean(),
        default_f1=None if default is None else default.mean(),
        models=models,
    )


def _trained(run: FamilyRun, executors: Executors, records: list[TrialRecord]) -> Iterator[Finalist]:
    """The finalists that have a training for each fold and seed, all that is missing having been tried."""
    config, folds = run.study.config, run.study.num_folds
    places = {
        number: [(seed, fold) for seed in range(config.seeds if number < MORE_SEEDS else 1) for fold in range(folds)]
        for number in range(len(records))
    }
    wanted = {
        (number, *place): Training(records[number].params, fold_name(place[1], folds, place[0]))
        for number, own in places.items()
        for place in own
    }
    done = train(run, executors, list(wanted.values()))
    found = dict(zip(wanted, done, strict=True))
    finalists = []
    for number, record in enumerate(records):
        trials = {place: found[number, *place] for place in places[number]}
        whole = {place: trial for place, trial in trials.items() if trial is not None and trial.can_win}
        if len(whole) == len(trials):
            finalists.append(Finalist(record, whole))
    if not finalists:
        reason = next((trial.error for trial in reversed(done) if trial and trial.error), "none ran")
        raise StudyError(
            f"no finalist of {run.name} could be trained on all {folds} folds ({reason}): the same command tries "
            "again, --finalists 0 chooses by the validation split"
        )
    yield from finalists


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


def _shipped(run: FamilyRun, executors: Executors, record: TrialRecord, until: int | None) -> list[str]:
    """Folders of the models whose mean is shipped, relative to the results directory; none where they are not kept.

    They are one that is trained on all development rows and, unless one is to do, those of the folds by the first seed.

    Args:
        run: The family.
        executors: Of its trials.
        record: The chosen trial of the search.
        until: The leg that they end with; None for the last one.

    Raises:
        StudyError: One could not be trained.
    """
    if run.plan.family.inputs != "tokens":
        return []
    folds = run.study.num_folds if run.study.config.keep_folds else 0
    names = [EVERYTHING, *(fold_name(fold, folds, 0) for fold in range(folds))]
    wanted = [Training(record.params, name, until) for name in names]
    _forget_removed(run, wanted)
    trained = train(run, executors, wanted)
    for training, trial in zip(wanted, trained, strict=True):
        if trial is None or trial.status != "finished" or trial.model is None:
            rows = "all development reviews" if training.fold == EVERYTHING else f"fold {training.fold}"
            reason = trial.error if trial and trial.error else "it did not run"
            raise StudyError(f"{run.name} could not be trained on {rows} ({reason}): the same command tries again")
    return [str(trial.model) for trial in trained if trial]


def _forget_removed(run: FamilyRun, wanted: list[Training]) -> None:
    """Forget trials of trainings that are to be shipped and whose models are gone: others were chosen before."""
    for record in run.finalists.read():
        there = record.model is not None and is_there(run.results_dir / record.model)
        if record.status == "finished" and not there and any(record.trains(training) for training in wanted):
            run.finalists.remove(record)


def _out_of_fold(run: FamilyRun, finalist: Finalist, leg: int) -> NDArray[np.float64]:
    """(N,) scores of every development row after a leg, by trainings that it was held out from; the mean over seeds."""
    scores = np.zeros(len(run.study.inputs.development))
    share = 1 / (max(seed for seed, _ in finalist.trials) + 1)
    for trial in finalist.trials.values():
        held_out = run.study.folds[trial.fold].held_out
        said = HeldOut.read(run.models / trial.trial_id).legs.get(leg)
        if said is None or len(said) != len(held_out):
            raise StudyError(
                f"{run.models / trial.trial_id} lacks what {trial.fold} said of its rows: delete "
                f"{run.finalists.folder / trial.trial_id}.json to train it again"
            )
        scores[held_out] += share * said
    return scores


def _gain(
    run: FamilyRun, finalists: list[Finalist], said: dict[str, NDArray[np.float64]], chosen: Finalist
) -> Gain | None:
    """How far the chosen configuration's out-of-fold F1 lies above the default one's; None where it is the default.

    Args:
        run: The family.
        finalists: All of them.
        said: (N,) out-of-fold scores of each, by the trial of its search.
        chosen: One of them.
    """
    default = next((finalist.record.trial_id for finalist in finalists if finalist.record.is_default), None)
    if default is None or default == chosen.record.trial_id:
        return None
    study = run.study
    fake, units = study.inputs.fake[study.judging], study.inputs.units_at(study.judging)
    found = gain_over_default(fake, said[default], said, chosen.record.trial_id, units=units)
    return Gain(f1=found.difference, low=found.low, high=found.high)


def remove_models(run: FamilyRun, records: Iterable[TrialRecord], shipped: Sequence[str] = ()) -> None:
    """Leave of trainings that are done what they said, and the models that are shipped: nothing else is used again."""
    kept = {run.results_dir / model for model in shipped}
    for record in records:
        for name in (BEST, LAST):
            if record.is_done and (folder := run.models / record.trial_id / name) not in kept:
                remove(folder)
