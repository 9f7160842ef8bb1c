"""One family of a study: its trials through Ray Tune, the selected one assessed, an entry for the board."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ray import tune
from ray.tune.search.optuna import OptunaSearch

from reviewtune.leaderboard.entry import Entry, TestScores
from reviewtune.schema import TEST, VALIDATION
from reviewtune.tuning.assessment import Finalist, assess
from reviewtune.tuning.ddp import ddp_trainable, free_workers
from reviewtune.tuning.entries import known_entry, scored_entry, unscored_entry
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.inline import inline_trainable
from reviewtune.tuning.keeper import RecordKeeper, mark_lost, take_in_legs_ahead
from reviewtune.tuning.packed import pack_workers
from reviewtune.tuning.plan import FamilyPlan
from reviewtune.tuning.pruning import prune
from reviewtune.tuning.records import TrialRecord, best_of, default_first
from reviewtune.tuning.scheduler import make_scheduler
from reviewtune.tuning.search import make_search
from reviewtune.tuning.session import on_worker


def tune_family(run: FamilyRun) -> Entry:
    """Run the trials that are left, select on validation, open the test split for the selected one.

    Raises:
        ReviewtuneError: The trials or the assessment cannot run at all.
    """
    _search_on(run)
    # Also where an earlier run was cut off after its last trial.
    take_in_legs_ahead(run.trials, run.results_dir)
    records = run.trials.read()
    _say_what_is_missing(run, records)
    pruned = prune(run.models, records, run.study.config.keep_trials)
    if pruned.trials:
        run.progress.say(f"{run.name}: {pruned.line(run.study.config.keep_trials)}")
    entry, selected = unscored_entry(run, records), best_of(records)
    if selected is None:
        run.progress.end(run.name, "failed", None)
        return entry
    known = known_entry(run, selected, entry)
    if known is None:
        run.progress.begin(run.name, "assessing", records)
        test, speed = _assess(run, selected)
        known = scored_entry(entry, selected, records, test=test, speed=speed, run=run)
    run.progress.end(run.name, "done", known.test.f1 if known.test else None)
    return known


def _search_on(run: FamilyRun) -> None:
    """Run trials until there are as many as were asked for, or no more can be had.

    What was lost with the machine it ran on is tried again for as long as others end: then it was not all of them.
    """
    mark_lost(run.trials)
    records, before = run.trials.read(), -1
    while before < (done := len(_done(records))) < run.plan.num_trials:
        run.progress.begin(run.name, "preparing", records)
        _run_trials(run, records)
        records, before = run.trials.read(), done
        if any(record.status == "paused" for record in records):
            return


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


def _run_trials(run: FamilyRun, records: list[TrialRecord]) -> None:
    """Run the trials that are left, by the executor that fits the family and the study."""
    if run.resources.slots:
        with pack_workers(run) as packs:
            _tune(run, records, packs.trainable, leave=packs.leave)
        return
    if run.plan.family.inputs == "tokens":
        trainable = ddp_trainable(run.assignment, run.resources)
        try:
            _tune(run, records, trainable, reuse_actors=False, leave=partial(free_workers, run.models))
        finally:
            # Tune tells nobody of the trials that it stops when the time is up.
            free_workers(run.models)
        return
    _tune(run, records, inline_trainable(run.assignment, run.resources))


def _tune(
    run: FamilyRun,
    records: list[TrialRecord],
    trainable: Any,
    *,
    reuse_actors: bool = True,
    leave: Callable[[str], None] | None = None,
) -> None:
    """Hand a trainable to Ray Tune.

    Args:
        run: The family.
        records: Of trials that have run before.
        trainable: Its trials.
        reuse_actors: Run trial after trial in the same processes.
        leave: Told of each trial that has ended.
    """
    plan = run.plan
    done, left_open = _done(records), [record for record in records if not record.is_done]
    run.progress.begin(run.name, "tuning", done)

    keeper = _keeper(run, records, leave)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=_search(run, done, left_open),
            scheduler=make_scheduler(
                trains_in_epochs=plan.family.trains_in_epochs,
                defaults={name: plan.defaults[name] for name in plan.distributions},
                evaluations_per_epoch=run.setting.evaluations_per_epoch,
            ),
            num_samples=plan.num_trials - len(done),
            max_concurrent_trials=run.resources.concurrent,
            time_budget_s=run.seconds_left,
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(run.folder),
            callbacks=[keeper],
            # What trials are resumed from is not Tune's: `tuning.keeping` writes it, as files without any pickle.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=1),
            verbose=0,
        ),
    )
    tuner.fit()
    keeper.pause()


def _keeper(run: FamilyRun, records: list[TrialRecord], leave: Callable[[str], None] | None) -> RecordKeeper:
    """Keeps the records of the trials to come; `records` are those of the trials before."""

    def watch(event: str, record: TrialRecord) -> None:
        if event == "ended" and leave:
            leave(record.trial_id)
        run.progress.trial(run.name, event, record)

    return RecordKeeper(
        run.trials,
        run.models,
        run.results_dir,
        run.plan.defaults,
        watch,
        study_key=run.study.key,
        left_open=[record for record in records if not record.is_done],
        ended=max((record.number for record in records), default=0),
    )


def _done(records: list[TrialRecord]) -> list[TrialRecord]:
    return [record for record in records if record.is_done]


def _search(run: FamilyRun, done: list[TrialRecord], left_open: list[TrialRecord]) -> OptunaSearch | None:
    """None where every param is fixed: the single trial then needs no search."""
    if not run.plan.distributions:
        return None
    return make_search(
        run.results_dir,
        study_name=f"{run.study.study_id}/{run.name}",
        distributions=run.plan.distributions,
        first=_first_of_all(run.plan, done, left_open),
        seed=run.study.config.seed,
    )


def _first_of_all(plan: FamilyPlan, done: list[TrialRecord], left_open: list[TrialRecord]) -> list[dict[str, Any]]:
    """The searched values of the trials to begin with: the default configuration, and what has not ended."""
    begun = default_first(left_open)
    known = any(record.is_default for record in [*done, *begun])
    params = [*([] if known else [plan.defaults]), *(record.params for record in begun)]
    return [{name: values[name] for name in plan.distributions} for values in params]


def _assess(run: FamilyRun, selected: TrialRecord) -> tuple[TestScores, float]:
    """Assess on a worker with the resources of a trial, so that a head node without a GPU can drive the study."""
    inputs = run.study.inputs
    finalist = Finalist(
        family=run.name,
        record=selected,
        setting=replace(run.setting, fast=False),
        train=run.assignment.train,
        validation=run.assignment.validation,
        test=inputs.test(run.plan.family.inputs),
        validation_ids=inputs.ids(VALIDATION),
        test_ids=inputs.ids(TEST),
        test_texts=inputs.test("texts").inputs,
        encoder=run.encoder,
        study_id=run.study.study_id,
        data=inputs.reviews.name,
        data_sha256=inputs.reviews.sha256,
        split_sha256=inputs.split.sha256,
        results_dir=run.results_dir,
        artifact=run.artifact,
        folder=run.folder,
    )
    return on_worker(assess, cpus=run.resources.cpus, gpus=run.resources.gpus)(finalist)
