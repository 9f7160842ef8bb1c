"""Longer training of a finished entry: its selected trial goes on, with optimizer, schedule and random state.

The trial that goes on is a new one of the same study and family. It begins as a copy of the old one's last state and
trains the epochs that are missing, under a learning rate whose schedule ends with the last of them; then it competes
with the old one on the validation split. If it wins, the test split is opened for it, once, and the entry becomes its.
It trains on one worker, whichever executor wrote the state: the files of all of them are the same.
"""

import shutil
from collections.abc import Callable
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ray
from ray.util.queue import Empty, Queue
from rich.console import Console

from reviewtune.artifact_info import read_info
from reviewtune.config import StudyConfig
from reviewtune.data.reviews import read_reviews
from reviewtune.data.store import KEY_LENGTH, Store
from reviewtune.encoders.registry import Encoder
from reviewtune.errors import StudyError
from reviewtune.families.registry import ENSEMBLE, get_family
from reviewtune.files import in_one_step
from reviewtune.leaderboard.board import Board, collect
from reviewtune.predict import check_base
from reviewtune.quiet import be_quiet
from reviewtune.storage.mirror import fetch, fetch_once, is_there
from reviewtune.tuning.continuable import Continuation, find_continuation
from reviewtune.tuning.ensemble import stack_entries
from reviewtune.tuning.family import tune_family
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.identity import known_identity
from reviewtune.tuning.inputs import StudyInputs, read_others, split_of
from reviewtune.tuning.keeping import BEST, LAST
from reviewtune.tuning.lock import study_lock
from reviewtune.tuning.plan import FamilyPlan, Study, check_limit, identity_of
from reviewtune.tuning.progress import Progress, say
from reviewtune.tuning.ranking import entries_of, rank
from reviewtune.tuning.records import TrialRecord, legs_with
from reviewtune.tuning.session import ray_session
from reviewtune.tuning.tracking import open_tracking
from reviewtune.tuning.trial import Assignment, run_trial

if TYPE_CHECKING:
    from reviewtune.encoders.quantisation import Quantisation

POLL_SECONDS = 0.5


def continue_entry(config: StudyConfig, console: Console) -> Board:
    """Train an entry's selected trial on, and rank everything in its results directory.

    Args:
        config: With `continue_entry` and `epochs`. The same configuration goes on where an interrupted run stopped, and
            does nothing where it has ended.
        console: Where progress goes.

    Raises:
        ReviewtuneError: It cannot go on, or not be assessed; each kind says why.
    """
    found = find_continuation(config)
    study = _study(found)
    check_limit(study)
    with study_lock(study.folder, partial(say, console)):
        _run(study, found, console)
    return collect(study.config.results_dir)


def _run(study: Study, found: Continuation, console: Console) -> None:
    """Do it in a study that is nobody else's."""
    name = found.entry.family
    budget = {name: found.entry.num_trials + 1}
    if study.stacks:
        budget[ENSEMBLE] = 0
    tracking = open_tracking(study.config.tracker, study.study_id, study.config.results_dir, partial(say, console))
    with (
        closing(tracking) if tracking else nullcontext(),
        ray_session(study.config.address, console) as cluster,
        Progress(budget, console, study.config.objective, study.folder) as progress,
    ):
        progress.say(found.line())
        two = frozenset({found.trial.trial_id, found.trial_id})
        run = FamilyRun(study, study.plans[0], cluster, progress, tracking, among=two)
        records = run.trials.read()
        if not any(record.trial_id == found.trial_id for record in records):
            progress.begin(name, "tuning", records)
            _train(run, found, number=max((record.number for record in records), default=0) + 1)
        if error := rank(study, name, partial(tune_family, run), cluster, progress):
            raise error
        if study.stacks:
            rank(study, ENSEMBLE, partial(stack_entries, study, cluster, progress), cluster, progress)
        if tracking:
            tracking.finish(entries_of(study), study.config.results_dir)


def begin_from(models: Path, old: str, new: str) -> None:
    """Give the trial `new` the models and the state of `old`, the state last, unless it has one of its own already."""
    if is_there(models / new / LAST):
        return
    for name in (BEST, LAST):
        if (folder := fetch(models / old / name)).is_dir():
            with in_one_step(models / new / name) as partial:
                shutil.copytree(folder, partial)


def train_on(assignment: Assignment, trial_id: str, epochs: int, report: Callable[[dict[str, Any]], None]) -> None:
    """Train the trial of that id from its last state until it has done `epochs`.

    Args:
        assignment: All of the trial's params are fixed in it.
        trial_id: Whose folder `begin_from` has filled.
        epochs: In all.
        report: Called with the metrics of each leg; with those of the last one that was done first.
    """
    run_trial({"epochs": epochs}, assignment, trial_id=trial_id, report=report)


def _study(found: Continuation) -> Study:
    """The study of the entry, its reviews and split as the store keeps them."""
    entry, config = found.entry, found.config
    store = Store(config.results_dir)
    reviews = read_reviews(fetch_once(store.reviews / f"{entry.provenance.data_sha256[:KEY_LENGTH]}.parquet"))
    split = split_of(reviews, store, config)
    if (reviews.sha256, split.sha256) != (entry.provenance.data_sha256, entry.provenance.split_sha256):
        raise StudyError(
            f"the reviews or the split in {store.results_dir / 'store'} are not those of {entry.name}: run its study "
            "once more"
        )
    encoder = _encoder(found)
    plan = FamilyPlan(get_family(entry.family), {}, found.trial.params, num_trials=1)
    inputs = StudyInputs(reviews, split, store, encoder)
    known = known_identity(found.folder.parent)
    identity = known or identity_of(config, [plan], inputs, cast("Quantisation", config.quantisation))
    return Study(config, entry.study_id, identity, encoder, inputs, [plan], others=read_others(config, reviews))


def _encoder(found: Continuation) -> Encoder | None:
    artifact = found.config.results_dir / str(found.entry.artifact)
    base = read_info(artifact).encoder
    return check_base(base, artifact) if base else None


def _train(run: FamilyRun, found: Continuation, *, number: int) -> None:
    """Run the new trial on a worker with the resources of a trial, and keep its record."""
    begin_from(run.models, found.trial.trial_id, found.trial_id)
    record = found.trial.model_copy(
        update={
            "trial_id": found.trial_id,
            "name": f"{found.trial.name or run.name} to {found.epochs} epochs",
            "number": number,
            "params": {**found.trial.params, "epochs": found.epochs},
            "is_default": False,
            "status": "finished",
        }
    )
    run.tell("started", record)
    results = Queue(actor_options={"num_cpus": 0})
    options = {"num_cpus": run.resources.cpus, "num_gpus": run.resources.gpus, "max_retries": 1}
    work = ray.remote(**options)(_work).remote(run.assignment, found.trial_id, found.epochs, results)
    try:
        while not _ended(work, results):
            try:
                record = _after(record, results.get(timeout=POLL_SECONDS))
                run.tell("leg", record)
            except Empty:
                continue
        ray.get(work)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    finally:
        results.shutdown(force=True)
    model = str((run.models / found.trial_id / BEST).relative_to(run.results_dir))
    record = record.model_copy(update={"model": model})
    run.trials.write(record)
    run.tell("ended", record)


def _ended(work: Any, results: Queue) -> bool:
    """Whether the worker has ended and all that it reported has been read."""
    return bool(ray.wait([work], timeout=0)[0]) and results.empty()


def _after(record: TrialRecord, result: dict[str, Any]) -> TrialRecord:
    """The record with a leg that was reported; one that is reported again replaces its first report."""
    usage: dict[str, Any] = {name: result[name] for name in ("peak_memory_bytes", "device") if name in result}
    return record.model_copy(update={"epochs": legs_with(record.epochs, result), **usage})


def _work(assignment: Assignment, trial_id: str, epochs: int, results: Queue) -> None:
    be_quiet()
    train_on(assignment, trial_id, epochs, results.put)
