"""The best configurations of a search, trained again on folds of all development rows: what they say chooses.

Each fold and seed of a finalist is a trial like any other, on rows of its own; in packs all of them train at once.
Shape letters: `N` development rows, `S` seeds, `F` folds, `L` legs.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from reviewtune.errors import StudyError
from reviewtune.evaluation.gain import gain_over_default
from reviewtune.evaluation.selection import FoldScores, choose
from reviewtune.leaderboard.scores import Gain, Selection
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.entries import selection_of
from reviewtune.tuning.executor import Executors
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.records import TrialRecord, best_first
from reviewtune.tuning.shipping import UnshippableError, shipped
from reviewtune.tuning.training import MORE_SEEDS, Training, fold_name
from reviewtune.tuning.trainings import remove_models, train


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

    One that cannot be trained on what is shipped is passed over.

    Raises:
        StudyError: No finalist has been trained on all folds and on what is shipped.
    """
    finalists = list(_trained(run, executors, finalists_of(records, run.study.config.finalists)))
    models: list[str] | None = None
    while models is None:
        scores = [finalist.scores for finalist in finalists]
        seconds = [finalist.seconds(own.leg) for finalist, own in zip(finalists, scores, strict=True)]
        taken, best = choose(scores, seconds)
        chosen, own = finalists[taken], scores[taken]
        try:
            models = shipped(run, executors, chosen.record, None if own.leg == own.legs[-1] else own.leg)
        except UnshippableError as error:
            if len(finalists) == 1:
                raise
            run.progress.say(f"{error}; the next best finalist is taken")
            del finalists[taken]
    said = {
        finalist.record.trial_id: _out_of_fold(run, finalist, judged.leg)
        for finalist, judged in zip(finalists, scores, strict=True)
    }
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
        again = "" if all(trial and trial.is_done for trial in done) else "the same command tries again, "
        raise StudyError(
            f"no finalist of {run.name} could be trained on all {folds} folds ({reason}): {again}--finalists 0 chooses "
            "by the validation split, and more --finalists try other params"
        )
    yield from finalists


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
