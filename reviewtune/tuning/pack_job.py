"""What a Ray Train worker of a pack runs, from its start to the end of the study or of its machine."""

import time
from dataclasses import dataclass
from typing import Any

from reviewtune.errors import ReviewtuneError
from reviewtune.quiet import be_quiet
from reviewtune.tuning.ddp import note_group
from reviewtune.tuning.trial import Assignment

NOTICE_SECONDS = 1.0
"""Between two looks for a notice that the machine is to be taken away."""


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
        watched: Machines may be taken away one by one.
    """

    assignment: Assignment
    broker: Any
    slots: int
    rank: int
    target: str
    optimizer: str
    watched: bool = False


def run_name(number: int) -> str:
    """What Ray Train calls the run of a worker."""
    return f"pack-{number}"


def work(config: dict[str, Any]) -> None:
    """Train what the broker hands out. What would fail again just so here is told instead of tried again."""
    be_quiet()
    import ray

    job: PackJob = config["job"]
    number: int = config["number"]
    note_group(job.assignment.models_dir, run_name(number))
    try:
        _pack_worker(job, number).run()
    except (ReviewtuneError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, ReviewtuneError) else f"{type(error).__name__}: {error}"
        ray.get(job.broker.resign.remote(number, reason))


@dataclass
class Notice:
    """Whether this machine is about to be taken away: Ray has been told to drain its node."""

    asked: float = 0.0
    told: bool = False

    def __call__(self) -> bool:
        """Look, if the last look is long enough ago."""
        if not self.told and time.monotonic() >= self.asked + NOTICE_SECONDS:
            from ray import train

            self.told = train.get_preemption_info() is not None
            self.asked = time.monotonic()
        return self.told


def _never() -> bool:
    return False


def _pack_worker(job: PackJob, number: int) -> Any:
    """The worker's pack on this process's device."""
    from typing import cast

    from ray import train

    from reviewtune.adapters.packed.budget import PackRoom
    from reviewtune.adapters.packed.pack import AdapterPack
    from reviewtune.adapters.packed.room import MOST_TOKENS, make_room
    from reviewtune.encoders.dequantised import backbone_for_packs
    from reviewtune.encoders.loading import Quantisation
    from reviewtune.encoders.registry import resolve_encoder
    from reviewtune.tuning.gauges import PackGauges
    from reviewtune.tuning.pack_worker import PackWorker

    setting, rows = job.assignment.setting, job.assignment.rows
    quantisation = cast("Quantisation", setting.quantisation)
    backbone = backbone_for_packs(resolve_encoder(setting.base_model), quantisation)
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
    # Ray before 2.60 tells its workers nothing of it.
    can_know = job.watched and hasattr(train, "get_preemption_info")
    notice = Notice() if can_know else _never
    return PackWorker(pack, job.assignment, job.broker, number, PackGauges(number, pack), notice)
