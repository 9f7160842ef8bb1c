"""One family of a study: its trials through Ray Tune, one of them chosen and assessed, an entry for the board."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from reviewtune.families.registry import code_of
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.scores import TestScores
from reviewtune.schema import TEST, TRAIN
from reviewtune.tuning.assessment import Finalist, assess
from reviewtune.tuning.chosen import Chosen, choose_by_validation
from reviewtune.tuning.entries import known_entry, scored_entry, unscored_entry
from reviewtune.tuning.executor import Executors
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.finalists import choose_by_folds
from reviewtune.tuning.keeper import mark_lost, take_in_legs_ahead
from reviewtune.tuning.otherwise import with_robustness
from reviewtune.tuning.pruning import prune
from reviewtune.tuning.records import TrialRecord, default_first
from reviewtune.tuning.scheduler import make_scheduler
from reviewtune.tuning.search import NamedSearch, make_search
from reviewtune.tuning.session import on_worker
from reviewtune.tuning.training import EVERYTHING, SEARCH
from reviewtune.tuning.tuner import Round, run_round
from reviewtune.tuning.unseen import said_without, with_unseen
from reviewtune.tuning.warm_start import SHARE, family_start, known_configurations


def tune_family(run: FamilyRun) -> Entry:
    """Run the trials that are left, choose among them, open the test split for the chosen one.

    Raises:
        ReviewtuneError: The trials or the assessment cannot run at all.
    """
    with Executors(run) as executors:
        records = _search_on(run, executors)
        chosen = _choose(run, executors, records)
        said = said_without(run, executors, chosen) if chosen else {}
    _prune(run, records, chosen)
    entry = unscored_entry(run, records)
    if chosen is None:
        run.progress.end(run.name, "failed", None)
        return entry
    known = known_entry(run, chosen, entry)
    if known is None:
        run.progress.begin(run.name, "assessing", records)
        test, speed = _assess(run, chosen)
        known = scored_entry(entry, chosen, records, test=test, speed=speed, run=run)
    known = with_unseen(run.study, known, said)
    known = with_robustness(run.study, run.cluster, known, run.progress)
    run.progress.end(run.name, "done", known.test.f1 if known.test else None)
    return known


def _search_on(run: FamilyRun, executors: Executors) -> list[TrialRecord]:
    """Run trials until there are as many as were asked for, or no more can be had; the records of all.

    What was lost with the machine it ran on is tried again for as long as others end: then it was not all of them.
    """
    mark_lost(run.trials)
    records, before = run.trials.read(), -1
    while before < (done := len(_done(records))) < run.plan.num_trials:
        if before >= 0:
            executors.end()
        run.progress.begin(run.name, "preparing", records)
        executor = executors.get()
        run.progress.begin(run.name, "tuning", _done(records), run.resources.concurrent)
        run_round(run, executor, _round(run, records))
        records, before = run.trials.read(), done
        if run.seconds_left == 0 or any(record.status == "paused" for record in records):
            break
    # Also where an earlier run was cut off after its last trial.
    take_in_legs_ahead(run.trials, run.results_dir)
    records = run.trials.read()
    _say_what_is_missing(run, records)
    return records


def _round(run: FamilyRun, records: list[TrialRecord]) -> Round:
    """The trials of the search that are left."""
    plan, done = run.plan, _done(records)
    return Round(
        name="tune",
        store=run.trials,
        count=plan.num_trials - len(done),
        concurrent=run.resources.concurrent,
        most=run.resources.growth.at_once if run.resources.growth else 0,
        search=_search(run, done, [record for record in records if not record.is_done]),
        scheduler=make_scheduler(
            trains_in_epochs=plan.family.trains_in_epochs,
            defaults={name: plan.defaults[name] for name in plan.distributions},
            evaluations_per_epoch=run.setting.evaluations_per_epoch,
            first_rung_rows=run.study.config.first_rung_rows,
        ),
        seconds=run.seconds_left,
    )


def _prune(run: FamilyRun, records: list[TrialRecord], chosen: Chosen | None) -> None:
    """Leave of the search the models that something can still be made of."""
    keep = run.study.config.keep_trials
    pruned = prune(run.models, records, keep, chosen.record.trial_id if chosen else None)
    if pruned.trials:
        run.progress.say(f"{run.name}: {pruned.line(keep)}")


def _choose(run: FamilyRun, executors: Executors, records: list[TrialRecord]) -> Chosen | None:
    """The configuration to ship; None where no trial has a score.

    Raises:
        StudyError: No finalist could be trained on all folds.
    """
    if run.among is not None:
        records = [record for record in records if record.trial_id in run.among]
    by_validation = choose_by_validation(records)
    if by_validation is None or run.study.num_folds < 2:
        return by_validation
    return choose_by_folds(run, executors, records)


def _say_what_is_missing(run: FamilyRun, records: list[TrialRecord]) -> None:
    """Say where fewer trials than were asked for can be selected, and why."""
    usable = sum(record.can_win for record in records)
    if usable >= run.plan.num_trials:
        return
    counts = Counter(record.status for record in records if not record.can_win or record.status == "paused")
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    reason = next((f", the last one: {record.error}" for record in reversed(records) if record.error), "")
    again = "" if all(record.is_done for record in records) else "; the same command goes on with what has not ended"
    run.progress.say(
        f"{run.name}: {usable} of {run.plan.num_trials} trials have a score ({told or 'none ran'}{reason}){again}"
    )


def _done(records: list[TrialRecord]) -> list[TrialRecord]:
    return [record for record in records if record.is_done]


def _search(run: FamilyRun, done: list[TrialRecord], left_open: list[TrialRecord]) -> NamedSearch | None:
    """None where every param is fixed: the single trial then needs no search."""
    if not run.plan.distributions:
        return None
    return make_search(
        run.history,
        study_name=f"{run.study.study_id}/{run.name}",
        distributions=run.plan.distributions,
        first=_first_of_all(run, done, left_open),
        concurrent=run.resources.concurrent,
        seed=run.study.config.seed,
        names=run.names(),
        ended={record.name: record.best.score for record in done if record.name and record.best},
    )


def _first_of_all(run: FamilyRun, done: list[TrialRecord], left_open: list[TrialRecord]) -> list[dict[str, Any]]:
    """The searched values of the trials to begin with: the default configuration, what has not ended, what is known."""
    plan, begun = run.plan, default_first(left_open)
    known = any(record.is_default for record in [*done, *begun])
    params = [*([] if known else [plan.defaults]), *(record.params for record in begun)]
    first = [{name: values[name] for name in plan.distributions} for values in params]
    return [*first, *_known(run, [*first, *(record.params for record in done)])]


def _known(run: FamilyRun, begun: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Searched values that the family or earlier studies recommend and no trial has had, while there is room."""
    folder, plan = run.study.config.warm_start, run.plan
    names = plan.distributions
    tried = [{name: values[name] for name in names} for values in begun]
    room = max(0, plan.num_trials - len(begun))
    start = family_start(plan.family.params, {name: plan.defaults[name] for name in names}, names)
    known = [values for values in start if values not in tried][:room]
    if folder is None:
        return known
    earlier = known_configurations(folder, run.name, run.encoder, names)[: max(1, plan.num_trials // SHARE)]
    warm = [values for values in earlier if values not in tried and values not in known][: room - len(known)]
    if warm:
        run.progress.say(f"{run.name}: {len(warm)} trials begin with configurations that did well in {folder}")
    return [*known, *warm]


def _assess(run: FamilyRun, chosen: Chosen) -> tuple[TestScores, float]:
    """Assess on a worker with the resources of a trial, so that a head node without a GPU can drive the study."""
    study, inputs = run.study, run.study.inputs
    rows, by_folds = run.assignment.rows, chosen.selection is not None
    # What is added to the development rows is to train on, and never judges.
    split, end = len(inputs.development) - len(study.judging), len(inputs.development)
    finalist = Finalist(
        family=run.name,
        chosen=chosen,
        setting=replace(run.setting, fast=False),
        train=rows.take(run.assignment.folds[EVERYTHING if by_folds else SEARCH].train),
        judges=rows.take(np.arange(0 if by_folds else split, end)),
        test=inputs.test(run.plan.family.inputs),
        judge_ids=inputs.ids_at(study.judging),
        test_ids=inputs.ids(TEST),
        test_texts=inputs.test("texts").inputs,
        judge_units=inputs.units_at(study.judging),
        test_units=inputs.units_at(inputs.positions[TEST]),
        profile=inputs.profile(study.judging if by_folds else inputs.positions[TRAIN]),
        encoder=run.encoder,
        study_id=study.study_id,
        data=inputs.reviews.name,
        data_sha256=inputs.reviews.sha256,
        split_sha256=inputs.split.sha256,
        objective=study.config.objective,
        results_dir=run.results_dir,
        artifact=run.artifact,
        folder=run.folder,
        max_fpr=study.config.max_fpr,
        prevalence=study.config.prevalence,
    )
    with code_of([run.name]):
        return on_worker(assess, cpus=run.resources.cpus, gpus=run.resources.gpus)(finalist)
