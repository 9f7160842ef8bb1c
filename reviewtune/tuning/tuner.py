"""Ray Tune over some trials of a family, searched or listed, with a record of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import BasicVariantGenerator, Searcher

from reviewtune.tuning.executor import Executor
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.keeper import RecordKeeper
from reviewtune.tuning.names import RunNames
from reviewtune.tuning.records import TrialRecord, TrialStore
from reviewtune.tuning.room import GrowingList, GrowingSearch, Room
from reviewtune.tuning.search import NamedSearch, keep_history

LEAST_SECONDS = 0.01


@dataclass(frozen=True)
class Round:
    """Trials that run one beside the other.

    Attributes:
        name: Of Tune's folder, in the family's.
        store: For their records.
        count: How many, at most.
        concurrent: At a time, with the workers that the study begins with.
        most: At a time, with however many workers.
        search: Draws their params; None where they are listed, or there is one with the default configuration.
        listed: Their configs, where they are known before.
        scheduler: Stops weak ones early.
        seconds: After which those that run are paused; None: no limit.
    """

    name: str
    store: TrialStore
    count: int
    concurrent: int
    search: NamedSearch | None = None
    listed: Sequence[dict[str, Any]] = ()
    scheduler: TrialScheduler = field(default_factory=FIFOScheduler)
    seconds: float | None = None
    most: int = 0


def run_round(run: FamilyRun, executor: Executor, trials: Round) -> None:
    """Hand a round to Ray Tune; what became of each trial is in its record then."""
    names = trials.search.names if trials.search else run.names()
    keeper = make_keeper(run, trials.store, executor.leave, names, searched=trials.search is not None)
    space: dict[str, Any] = {}
    if trials.listed:
        (name,) = trials.listed[0]
        space = {name: tune.grid_search([config[name] for config in trials.listed])}
    tuner = tune.Tuner(
        executor.trainable,
        param_space=space,
        tune_config=tune.TuneConfig(
            search_alg=_drawn(run, executor, trials),
            scheduler=trials.scheduler,
            num_samples=1 if trials.listed else trials.count,
            # Of no time at all Ray Tune makes no limit.
            time_budget_s=None if trials.seconds is None else max(trials.seconds, LEAST_SECONDS),
            reuse_actors=executor.reuse_actors,
            trial_name_creator=names,
            trial_dirname_creator=names.folder,
        ),
        run_config=tune.RunConfig(
            name=trials.name,
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


def _drawn(run: FamilyRun, executor: Executor, trials: Round) -> Searcher | BasicVariantGenerator:
    """Draws the round's trials, when there is room for them."""
    begun = run.resources.workers

    def room() -> int:
        workers = max(begun, executor.num_workers()) if executor.num_workers else begun
        # As many for each worker as at the beginning.
        return max(trials.concurrent, min(trials.most, workers * -(-trials.concurrent // begun)))

    return GrowingSearch(trials.search, Room(room)) if trials.search else GrowingList(Room(room))


def make_keeper(
    run: FamilyRun,
    store: TrialStore,
    leave: Callable[[str], None] | None = None,
    names: RunNames | None = None,
    *,
    searched: bool = False,
) -> RecordKeeper:
    """What keeps the records of the trials to come.

    Args:
        run: Whose.
        store: For the records.
        leave: Told of each trial that has ended.
        names: Of the trials; None: those that are not searched.
        searched: Whether a search draws them, whose history is then kept too.
    """
    records = store.read()

    def watch(event: str, record: TrialRecord) -> None:
        if event == "ended" and leave:
            leave(record.trial_id)
        if event == "ended" and searched:
            keep_history(run.history)
        run.tell(event, record)

    return RecordKeeper(
        store,
        run.models,
        run.results_dir,
        run.plan.defaults,
        watch,
        names or run.names(),
        study_key=run.study.key,
        left_open=[record for record in records if not record.is_done],
        ended=max((record.number for record in records), default=0),
    )
