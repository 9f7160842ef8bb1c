"""The executor that trains QLoRA trials in packs: one long-lived Ray Train worker a GPU, or a CPU.

The workers pay for their start and for the base model once, however many trials the study has.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from traceback import format_exception_only
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from reviewtune.adapters.optimizer import PACKED
from reviewtune.errors import ReviewtuneError, StudyError, UsageError
from reviewtune.quiet import be_quiet
from reviewtune.tracebacks import reason_in
from reviewtune.tuning.broker import TrialBroker
from reviewtune.tuning.ddp import TRAIN_FOLDER, free_workers, note_group
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.packed_trial import PackedTrial
from reviewtune.tuning.plan import FamilyPlan
from reviewtune.tuning.resources import PACKED_CLIENT_BYTES, Resources
from reviewtune.tuning.trial import Assignment

MAX_FAILURES = 8
"""Deaths of a worker after which a study gives up."""

PACKS = "packs"
"""What Ray Train calls the workers' run."""

END_SECONDS = 60
"""How long workers may take to end; they do so at their next step."""


@dataclass(frozen=True)
class PackJob:
    """What each pack worker is started with.

    Attributes:
        assignment: What all trials share.
        broker: Handle of the `TrialBroker`.
        slots: Of each pack, at most.
        rank: The largest of any trial.
        target: `all-linear` where any trial's may be.
        optimizer: Of all trials.
    """

    assignment: Assignment
    broker: Any
    slots: int
    rank: int
    target: str
    optimizer: str


@dataclass(frozen=True)
class Packs:
    """Running pack workers.

    Attributes:
        trainable: A Tune trainable class whose trials they train.
        broker: Handle of the `TrialBroker`.
    """

    trainable: Any
    broker: Any

    def leave(self, trial_id: str) -> None:
        """Free the slot of a trial that has ended."""
        self.broker.leave.remote(trial_id)


@contextmanager
def pack_workers(run: FamilyRun) -> Iterator[Packs]:
    """Start a family's pack workers; end them when the study leaves, for whatever reason."""
    import ray
    from ray import tune

    optimizer = _optimizer(run.plan)
    free_workers(run.models, PACKS)
    broker = _broker(run.resources.workers)
    rank, target = _widest(run.plan.distributions, run.plan.defaults)
    job = PackJob(run.assignment, broker, run.resources.slots or 1, rank, target, optimizer)
    task = ray.remote(num_cpus=0, max_retries=0)(_train)
    workers = task.remote(job, run.resources, run.models / TRAIN_FOLDER)
    leaving = Event()

    def tell(_: Any) -> None:
        """The task's own word, should it end without one: killed, say, with whatever it has started."""
        if not leaving.is_set():
            broker.close.remote("the pack workers have ended: see Ray's logs")

    workers.future().add_done_callback(tell)
    client = tune.with_parameters(PackedTrial, broker=broker)
    trainable = tune.with_resources(client, {"memory": PACKED_CLIENT_BYTES})
    try:
        yield Packs(trainable, broker)
    finally:
        leaving.set()
        with suppress(ray.exceptions.RayError):
            ray.get(broker.close.remote())
        if not ray.wait([workers], timeout=END_SECONDS)[0]:
            ray.cancel(workers, force=True)
        free_workers(run.models, PACKS)
        ray.kill(broker)


def _broker(workers: int) -> Any:
    """The broker's actor: on this node, which the study needs anyway, and started again should its process die."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_concurrency": 10_000, "max_restarts": -1, "max_task_retries": -1}
    return ray.remote(**options, scheduling_strategy=here)(TrialBroker).remote(workers)


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


def _train(job: PackJob, resources: Resources, storage: Path) -> None:
    """Run the workers to their end; where they cannot go on, tell the trials that wait for them."""
    be_quiet()
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    try:
        TorchTrainer(
            _work,
            train_loop_config={"job": job},
            scaling_config=ScalingConfig(
                num_workers=resources.workers,
                use_gpu=resources.gpus > 0,
                resources_per_worker={"CPU": resources.cpus, "GPU": resources.gpus},
            ),
            run_config=RunConfig(
                name=PACKS, storage_path=str(storage), failure_config=FailureConfig(max_failures=MAX_FAILURES)
            ),
        ).fit()
    except Exception as error:
        reason = reason_in("".join(format_exception_only(error)))
        ray.get(job.broker.close.remote(f"the pack workers ended ({reason}): see Ray's logs"))
        raise StudyError(f"the pack workers ended ({reason})") from error


def _work(config: dict[str, Any]) -> None:
    """What each Ray Train worker runs. What would fail again just so is told instead of tried again."""
    be_quiet()
    import ray
    from ray import train

    job: PackJob = config["job"]
    rank = train.get_context().get_world_rank()
    if rank == 0:
        note_group(job.assignment.models_dir, PACKS)
    try:
        _pack_worker(job, rank).run()
    except (ReviewtuneError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, ReviewtuneError) else f"{type(error).__name__}: {error}"
        ray.get(job.broker.close.remote(reason))


def _pack_worker(job: PackJob, rank: int) -> Any:
    """The worker's pack on this process's device."""
    from typing import cast

    from reviewtune.adapters.packed.budget import PackRoom
    from reviewtune.adapters.packed.pack import AdapterPack
    from reviewtune.adapters.packed.room import MOST_TOKENS, make_room
    from reviewtune.encoders.dequantised import dequantise_where_it_fits
    from reviewtune.encoders.loading import Quantisation
    from reviewtune.encoders.registry import resolve_encoder
    from reviewtune.encoders.sharing import borrow_backbone
    from reviewtune.tuning.gauges import PackGauges
    from reviewtune.tuning.pack_worker import PackWorker

    setting, rows = job.assignment.setting, job.assignment.rows
    quantisation = cast("Quantisation", setting.quantisation)
    backbone = dequantise_where_it_fits(borrow_backbone(resolve_encoder(setting.base_model), quantisation))
    room = make_room(backbone, PackRoom(job.slots, job.rank, job.target, MOST_TOKENS, job.optimizer))
    on_gpu = next(backbone.parameters()).device.type == "cuda"
    pack = AdapterPack(
        backbone,
        rows.inputs,
        rows.fake,
        room,
        seed=setting.seed,
        evaluations_per_epoch=setting.evaluations_per_epoch,
        compiled=on_gpu,
    )
    return PackWorker(pack, job.assignment, job.broker, rank, PackGauges(rank, pack))
