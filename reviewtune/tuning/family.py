"""One family of a study: its trials through Ray Tune, the selected one assessed, an entry for the board."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from reviewtune.artifact import now
from reviewtune.families.base import Setting
from reviewtune.leaderboard.entry import (
    Cost,
    Entry,
    Provenance,
    TestScores,
    TrialSummary,
    ValidationScores,
    entry_path,
    read_entry,
)
from reviewtune.quiet import be_quiet
from reviewtune.schema import ID, TEST, TEXT
from reviewtune.tuning.assessment import Finalist, assess
from reviewtune.tuning.ddp import ddp_trainable
from reviewtune.tuning.inline import inline_trainable
from reviewtune.tuning.keeper import RecordKeeper
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.provenance import code_version, hardware, library_versions
from reviewtune.tuning.records import TrialRecord, TrialStore, best_of
from reviewtune.tuning.resources import Resources, trial_resources
from reviewtune.tuning.scheduler import make_scheduler
from reviewtune.tuning.search import make_search
from reviewtune.tuning.session import Cluster
from reviewtune.tuning.study import FamilyPlan, Study
from reviewtune.tuning.trial import Assignment


@dataclass(frozen=True)
class _Place:
    """Where a family of a study keeps what it makes."""

    folder: Path

    @property
    def trials(self) -> TrialStore:
        return TrialStore(self.folder / "trials")

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def predictions(self) -> Path:
        return self.folder / "test_predictions.parquet"


def tune_family(study: Study, plan: FamilyPlan, cluster: Cluster, progress: Progress) -> Entry:
    """Run the trials that are left, select on validation, open the test split for the selected one.

    Raises:
        ReviewtuneError: The trials or the assessment cannot run at all.
    """
    name = plan.family.name
    place = _Place(study.folder / name)
    resources = trial_resources(study.config, plan.family.inputs, cpus=cluster.cpus, gpus=cluster.gpus)
    records = place.trials.read()
    progress.begin(name, "preparing", records)
    assignment = _assignment(study, plan, place)
    if len(records) < plan.num_trials:
        progress.begin(name, "tuning", records)
        _run_trials(study, plan, place, resources, assignment, progress)
        records = place.trials.read()
    selected = best_of(records)
    entry = _entry(study, plan, records, cluster)
    if selected is None:
        errors = [record.error for record in records if record.error]
        progress.end(name, "failed", None)
        return entry.model_copy(update={"status": "failed", "error": errors[-1] if errors else "no trial ran"})
    known = _known(study, name, selected)
    if known is not None:
        progress.end(name, "done", known.test.f1 if known.test else None)
        return known.model_copy(update={"trials": entry.trials, "num_trials": entry.num_trials, "num_failed_trials": entry.num_failed_trials})
    progress.begin(name, "assessing", records)
    scores, speed = _assess(study, plan, place, resources, assignment, selected)
    progress.end(name, "done", scores.f1)
    return _scored(entry, selected, records, scores, speed, artifact=_artifact(study, name))


def _assignment(study: Study, plan: FamilyPlan, place: _Place) -> Assignment:
    form = plan.family.inputs
    setting = Setting(
        seed=study.config.seed,
        fast=True,
        base_model=study.encoder.name if study.encoder else study.config.base_model,
        quantisation=study.config.quantisation,
    )
    return Assignment(
        family=plan.family.name,
        fixed=plan.fixed,
        train=study.inputs.train(form),
        validation=study.inputs.validation(form),
        setting=setting,
        models_dir=place.models,
    )


def _run_trials(
    study: Study, plan: FamilyPlan, place: _Place, resources: Resources, assignment: Assignment, progress: Progress
) -> None:
    name, config = plan.family.name, study.config
    done = len(place.trials.read())
    keeper = RecordKeeper(
        place.trials,
        place.models,
        config.results_dir,
        plan.fixed,
        plan.defaults,
        lambda event, record: progress.trial(name, event, record),
        ended=done,
    )
    makes = ddp_trainable if config.executor == "ddp" and plan.family.inputs == "tokens" else inline_trainable
    search = (
        make_search(
            config.results_dir,
            study_name=f"{study.study_id}/{name}",
            distributions=plan.distributions,
            defaults=plan.defaults,
            seed=config.seed,
            done=done,
        )
        if plan.distributions
        else None
    )
    tuner = tune.Tuner(
        makes(assignment, resources),
        param_space={},
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=make_scheduler(
                trains_in_epochs=plan.family.trains_in_epochs,
                defaults={searched: plan.defaults[searched] for searched in plan.distributions},
            ),
            num_samples=plan.num_trials - done,
            max_concurrent_trials=resources.concurrent if search else None,
            time_budget_s=config.time_budget_s,
            reuse_actors=makes is inline_trainable,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(place.folder),
            callbacks=[keeper],
            failure_config=tune.FailureConfig(max_failures=1),
            verbose=0,
        ),
    )
    tuner.fit()


def _assess(
    study: Study, plan: FamilyPlan, place: _Place, resources: Resources, assignment: Assignment, selected: TrialRecord
) -> tuple[TestScores, float]:
    """Assess on a worker with the resources of a trial, so that a head node without a GPU can drive the study."""
    inputs, reviews = study.inputs, study.inputs.reviews
    texts = reviews.table.take(inputs.positions[TEST])
    finalist = Finalist(
        family=plan.family.name,
        record=selected,
        setting=Setting(
            seed=assignment.setting.seed,
            base_model=assignment.setting.base_model,
            quantisation=assignment.setting.quantisation,
        ),
        train=assignment.train,
        validation=assignment.validation,
        test=inputs.test(plan.family.inputs),
        test_texts=texts[TEXT].to_pylist(),
        test_ids=texts[ID].to_pylist(),
        encoder=study.encoder if plan.family.inputs != "texts" else None,
        study_id=study.study_id,
        data=reviews.name,
        data_sha256=reviews.sha256,
        split_sha256=inputs.split.sha256,
        results_dir=study.config.results_dir,
        artifact=_artifact(study, plan.family.name),
        predictions=place.predictions,
    )

    @ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=1)
    def work(finalist: Finalist) -> tuple[TestScores, float]:
        be_quiet()
        return assess(finalist)

    try:
        result: tuple[TestScores, float] = ray.get(work.remote(finalist))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    return result


def _artifact(study: Study, family: str) -> str:
    return f"artifacts/{study.study_id}-{family}"


def _known(study: Study, family: str, selected: TrialRecord) -> Entry | None:
    """The entry of an earlier run, where it is of the same selected trial: its test split is not opened again."""
    path = entry_path(study.config.results_dir, study.study_id, family)
    if not path.is_file():
        return None
    entry = read_entry(path)
    complete = entry.test is not None and (study.config.results_dir / _artifact(study, family)).is_dir()
    return entry if complete and entry.trial_id == selected.trial_id else None


def _entry(study: Study, plan: FamilyPlan, records: list[TrialRecord], cluster: Cluster) -> Entry:
    inputs = study.inputs
    default = next((record.best for record in records if record.is_default and record.best), None)
    return Entry(
        study_id=study.study_id,
        family=plan.family.name,
        encoder=study.encoder.title if study.encoder and plan.family.inputs != "texts" else None,
        status="finished",
        params=plan.defaults,
        num_trials=len(records),
        num_failed_trials=sum(record.status == "failed" for record in records),
        default_validation_f1=default.f1 if default else None,
        trials=[
            TrialSummary(
                trial_id=record.trial_id,
                status=record.status,
                f1=record.best.f1 if record.best else None,
                fit_seconds=record.fit_seconds,
            )
            for record in records
        ],
        provenance=Provenance(
            data=inputs.reviews.name,
            data_sha256=inputs.reviews.sha256,
            split_sha256=inputs.split.sha256,
            code=code_version(),
            versions=library_versions(),
            seed=study.config.seed,
            hardware=hardware(cluster.gpus),
            created=now(),
        ),
    )


def _scored(
    entry: Entry, selected: TrialRecord, records: list[TrialRecord], scores: TestScores, speed: float, *, artifact: str
) -> Entry:
    best = selected.best
    assert best is not None
    scored: dict[str, Any] = {
        "trial_id": selected.trial_id,
        "params": selected.params,
        "validation": ValidationScores(f1=best.f1, accuracy=best.accuracy, roc_auc=best.roc_auc),
        "test": scores,
        "cost": Cost(
            fit_seconds=best.fit_seconds,
            study_seconds=sum(record.fit_seconds for record in records),
            device=selected.device,
            peak_memory_bytes=selected.peak_memory_bytes,
            reviews_per_second=speed,
        ),
        "artifact": artifact,
    }
    return entry.model_copy(update=scored)
