"""What a study would run and what it would cost, said without running it."""

from collections.abc import Callable, Iterator
from statistics import mean

from reviewtune.durations import duration
from reviewtune.families.registry import ENSEMBLE
from reviewtune.tuning.plan import FamilyPlan, Study
from reviewtune.tuning.records import TrialRecord, TrialStore
from reviewtune.tuning.resources import Resources, trial_resources
from reviewtune.tuning.scheduler import first_rung
from reviewtune.tuning.session import Cluster
from reviewtune.tuning.training import trainings_of

Say = Callable[[str], None]


def describe_cost(study: Study, cluster: Cluster, say: Say) -> None:
    """Say of each family which trials are left, what is searched, on what they run and how long that may take.

    The estimate is the mean of the study's own ended trials. A study without any has no estimate: one trial of each
    family, the default configuration, gives it, and is kept as the first of the search.

    Args:
        study: Resolved.
        cluster: What Ray has.
        say: Takes each line.

    Raises:
        UsageError: Not even one trial fits the cluster.
        StudyError: A kept trial record is damaged.
    """
    for plan in study.plans:
        resources = trial_resources(study.config, plan.family.inputs, cluster)
        records = [record for record in TrialStore(study.folder / plan.family.name / "trials").read() if record.is_done]
        left = max(0, plan.num_trials - len(records))
        say(f"{plan.family.name}: {left} of {plan.num_trials} trials left, {resources.line()}")
        say(f"  {_time(records, left, resources)}")
        if study.num_folds > 1:
            say(f"  {_finalists(study, plan, records, resources)}")
        if sources := len(study.left_out.folds):
            say(f"  {_unseen(sources, records, resources)}")
        if plan.family.inputs == "tokens" and study.config.evaluations_per_epoch > 1:
            say(f"  {_evaluations(study.config.evaluations_per_epoch)}")
        if study.config.first_rung_rows and plan.distributions:
            say(f"  {_first_rung(study.config.first_rung_rows)}")
        for line in _space(plan):
            say(f"  {line}")
    if study.stacks:
        say(f"{ENSEMBLE}: of the entries that the study has by then, on its validation split; nothing is trained")


def _time(records: list[TrialRecord], left: int, resources: Resources) -> str:
    if not left:
        return "nothing to do"
    seconds = _seconds(records, left, resources)
    if seconds is None:
        return "time unknown (--num-trials 1 measures it and is kept)"
    return f"about {duration(seconds)} by the {sum(bool(record.epochs) for record in records)} that ended"


def _seconds(records: list[TrialRecord], count: int, resources: Resources) -> float | None:
    """How long so many trainings take, by trials that have ended; None where none has."""
    seconds = [record.fit_seconds for record in records if record.epochs]
    if not seconds:
        return None
    # A packed trial tells its share of its pack's time: shares add up, whichever trials they run beside.
    rounds = count / resources.workers if resources.slots else -(-count // resources.concurrent)
    return rounds * mean(seconds)


def _finalists(study: Study, plan: FamilyPlan, records: list[TrialRecord], resources: Resources) -> str:
    """What follows the search; what is kept of it already is not looked at."""
    finalists = min(study.config.finalists + 1, plan.num_trials)
    count = trainings_of(finalists, folds=study.num_folds, seeds=study.config.seeds)
    seconds = _seconds(records, count, resources)
    time = "" if seconds is None else f", about {duration(seconds)}"
    return f"then {count} trainings of finalists on {study.num_folds} folds{time}"


def _unseen(sources: int, records: list[TrialRecord], resources: Resources) -> str:
    """What follows the choice; what is kept of it already is not looked at."""
    seconds = _seconds(records, sources, resources)
    time = "" if seconds is None else f", about {duration(seconds)}"
    return f"then {sources} training{'s, each' * (sources != 1)} without a source{time}"


def _evaluations(per_epoch: int) -> str:
    return f"scored {per_epoch} times an epoch; weak trials stop from {first_rung(per_epoch):g} % of their epochs on"


def _first_rung(share: float) -> str:
    return f"compared after {share:.3g} of the training reviews first, where weak trials stop"


def _space(plan: FamilyPlan) -> Iterator[str]:
    if plan.distributions:
        yield "searched: " + ", ".join(f"{name} {_range(item)}" for name, item in plan.distributions.items())
    if plan.fixed:
        yield "fixed: " + ", ".join(f"{name}={value}" for name, value in plan.fixed.items())


def _range(distribution: object) -> str:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case CategoricalDistribution():
            return "|".join(str(choice) for choice in distribution.choices)
        case FloatDistribution() | IntDistribution():
            return f"{distribution.low:g}..{distribution.high:g}{' log' if distribution.log else ''}"
        case _:
            return str(distribution)
