"""One family of a study: its trials through Ray Tune, the selected one assessed, an entry for the board."""

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
from reviewtune.tuning.keeper import RecordKeeper, take_in_legs_ahead
from reviewtune.tuning.packed import pack_workers
from reviewtune.tuning.records import TrialRecord, best_of
from reviewtune.tuning.scheduler import make_scheduler
from reviewtune.tuning.search import make_search
from reviewtune.tuning.session import on_worker


def tune_family(run: FamilyRun) -> Entry:
    """Run the trials that are left, select on validation, open the test split for the selected one.

    Raises:
        ReviewtuneError: The trials or the assessment cannot run at all.
    """
    records = run.trials.read()
    if len(records) < run.plan.num_trials:
        run.progress.begin(run.name, "preparing", records)
        _run_trials(run, done=len(records))
    # Also where an earlier run was cut off after its last trial.
    take_in_legs_ahead(run.trials, run.results_dir)
    records = run.trials.read()
    entry, selected = unscored_entry(run, records), best_of(records)
    if selected is None:
        run.progress.end(run.name, "failed", None)
        return entry
    known = known_entry(run, selected, entry)
    if known is None:
        run.progress.begin(run.name, "assessing", records)
        test, speed = _assess(run, selected)
        known = scored_entry(entry, selected, records, test=test, speed=speed, artifact=run.artifact)
    run.progress.end(run.name, "done", known.test.f1 if known.test else None)
    return known


def _run_trials(run: FamilyRun, *, done: int) -> None:
    """Run the trials that are left, by the executor that fits the family and the study."""
    if run.resources.slots:
        with pack_workers(run) as packs:
            _tune(run, done, packs.trainable, leave=packs.leave)
        return
    if run.plan.family.inputs == "tokens":
        trainable = ddp_trainable(run.assignment, run.resources)
        try:
            _tune(run, done, trainable, reuse_actors=False, leave=partial(free_workers, run.models))
        finally:
            # Tune tells nobody of the trials that it stops when the time is up.
            free_workers(run.models)
        return
    _tune(run, done, inline_trainable(run.assignment, run.resources))


def _tune(
    run: FamilyRun,
    done: int,
    trainable: Any,
    *,
    reuse_actors: bool = True,
    leave: Callable[[str], None] | None = None,
) -> None:
    """Hand a trainable to Ray Tune.

    Args:
        run: The family.
        done: Trials that have ended before.
        trainable: Its trials.
        reuse_actors: Run trial after trial in the same processes.
        leave: Told of each trial that has ended.
    """
    config, plan = run.study.config, run.plan
    run.progress.begin(run.name, "tuning", run.trials.read())

    def watch(event: str, record: TrialRecord) -> None:
        if event == "ended" and leave:
            leave(record.trial_id)
        run.progress.trial(run.name, event, record)

    keeper = RecordKeeper(run.trials, run.models, run.results_dir, plan.defaults, watch, ended=done)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=_search(run, done),
            scheduler=make_scheduler(
                trains_in_epochs=plan.family.trains_in_epochs,
                defaults={name: plan.defaults[name] for name in plan.distributions},
                evaluations_per_epoch=run.setting.evaluations_per_epoch,
            ),
            num_samples=plan.num_trials - done,
            max_concurrent_trials=run.resources.concurrent,
            time_budget_s=config.time_budget_s,
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


def _search(run: FamilyRun, done: int) -> OptunaSearch | None:
    """None where every param is fixed: the single trial then needs no search."""
    if not run.plan.distributions:
        return None
    return make_search(
        run.results_dir,
        study_name=f"{run.study.study_id}/{run.name}",
        distributions=run.plan.distributions,
        defaults=run.plan.defaults,
        seed=run.study.config.seed,
        done=done,
        default_ended=any(record.is_default for record in run.trials.read()),
    )


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
