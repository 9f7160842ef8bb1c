"""The executor that trains QLoRA trials in packs: one long-lived Ray Train worker a GPU, or a CPU.

The workers pay for their start and for the base model once, however many trials the study has.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from reviewtune.adapters.optimizer import PACKED
from reviewtune.errors import UsageError
from reviewtune.tuning.broker import TrialBroker
from reviewtune.tuning.crew import PackCrew
from reviewtune.tuning.ddp import free_workers
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.pack_job import PackJob
from reviewtune.tuning.pack_watch import PackWatch
from reviewtune.tuning.packed_trial import PackedTrial
from reviewtune.tuning.plan import FamilyPlan
from reviewtune.tuning.resources import PACKED_CLIENT_BYTES

END_SECONDS = 60
"""How long workers may take to end; they do so at their next step."""


@dataclass(frozen=True)
class Packs:
    """Running pack workers.

    Attributes:
        trainable: A Tune trainable class whose trials they train.
        broker: Handle of the `TrialBroker`.
        watch: Counts the workers.
    """

    trainable: Any
    broker: Any
    watch: PackWatch

    def leave(self, trial_id: str) -> None:
        """Free the slot of a trial that has ended."""
        self.broker.leave.remote(trial_id)

    def num_workers(self) -> int:
        """Workers that are there now."""
        return self.watch.at_work


@contextmanager
def pack_workers(run: FamilyRun) -> Iterator[Packs]:
    """Start a family's pack workers; end them when the study leaves, for whatever reason."""
    import ray
    from ray import tune

    optimizer = _optimizer(run.plan)
    resources, growth = run.resources, run.resources.growth
    assert resources.slots
    assert growth
    free_workers(run.models)
    broker = _here(TrialBroker, max_concurrency=10_000, max_restarts=-1, max_task_retries=-1)
    rank, target = _widest(run.plan.distributions, run.plan.defaults)
    job = PackJob(run.assignment, broker, resources.slots, rank, target, optimizer, watched=_may_lose_nodes(run))
    crew = _here(PackCrew, job, resources, growth)
    work = crew.run.remote()
    leaving = Event()

    def tell(_: Any) -> None:
        """The crew's own word, should it end without one: killed, say, with whatever it has started."""
        if not leaving.is_set():
            broker.close.remote("the pack workers have ended: see Ray's logs")

    work.future().add_done_callback(tell)
    client = tune.with_parameters(PackedTrial, broker=broker)
    trainable = tune.with_resources(client, {"memory": PACKED_CLIENT_BYTES})
    say = partial(_say, run)
    try:
        with PackWatch(broker, say, resources.workers, growth) as watch:
            watch.await_least(lambda: bool(ray.wait([work], timeout=0)[0]))
            yield Packs(trainable, broker, watch)
    finally:
        leaving.set()
        with suppress(ray.exceptions.RayError):
            ray.get(broker.close.remote())
        ray.wait([work], timeout=END_SECONDS)
        ray.kill(crew)
        free_workers(run.models)
        ray.kill(broker)


def _say(run: FamilyRun, line: str) -> None:
    run.progress.say(f"{run.name}: {line}")


def _here(actor: type, *args: Any, **options: Any) -> Any:
    """An actor on this node, which the study needs anyway."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here, **options)(actor).remote(*args)


def _may_lose_nodes(run: FamilyRun) -> bool:
    """Whether it runs on a cluster, whose nodes may be taken away one by one, rather than on a Ray of its own."""
    return bool(run.study.config.address or os.environ.get("RAY_ADDRESS") or len(run.cluster.nodes) > 1)


def _optimizer(plan: FamilyPlan) -> str:
    """What all trials are updated by.

    Raises:
        UsageError: The study searches over optimizers, or has one that packs do not.
    """
    searched, name = plan.distributions.get("optimizer"), str(plan.defaults["optimizer"])
    if searched or name not in PACKED:
        asked = searched.choices if isinstance(searched, CategoricalDistribution) else [name]
        raise UsageError(
            f"space.qlora.optimizer={' or '.join(map(str, asked))}: packs have one optimizer for all trials, "
            f"{' or '.join(PACKED)}: give one of these, or --executor ddp"
        )
    return name


def _widest(distributions: dict[str, BaseDistribution], defaults: dict[str, Any]) -> tuple[int, str]:
    """The largest rank and the widest target that any trial of the search may have."""
    ranks, targets = [int(defaults["rank"])], [str(defaults["target"])]
    match distributions.get("rank"):
        case CategoricalDistribution() as choice:
            ranks += [int(value) for value in choice.choices if isinstance(value, (int, float, str))]
        case IntDistribution() as span:
            ranks.append(span.high)
    match distributions.get("target"):
        case CategoricalDistribution() as choice:
            targets += [str(value) for value in choice.choices]
    return max(ranks), "all-linear" if "all-linear" in targets else "attention"
