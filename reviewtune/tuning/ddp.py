"""The executor that trains a trial by a Ray Train `TorchTrainer` of its own: several workers share every batch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reviewtune.files import write_text
from reviewtune.quiet import be_quiet
from reviewtune.storage.mirror import listed, remove
from reviewtune.tuning.resources import DDP_CLIENT_BYTES, Resources
from reviewtune.tuning.trial import Assignment, run_trial

TRAIN_FOLDER = ".train"
"""Where Ray Train keeps what it needs, in the folder of the models."""
GROUP_SUFFIX = ".placement_group"
"""Of an empty file in a trial's folder there, named by the id, in hex, of the placement group of its workers."""


def ddp_trainable(assignment: Assignment, resources: Resources) -> Callable[[dict[str, Any]], None]:
    """A Tune function trainable that starts the workers, and forwards what the first of them reports."""
    from ray import tune

    def train(params: dict[str, Any], shared: Assignment) -> None:
        be_quiet()
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
        from ray.tune.integration.ray_train import TuneReportCallback

        trial_id = tune.get_context().get_trial_id()
        free_workers(shared.models_dir, trial_id)
        TorchTrainer(
            _work,
            train_loop_config={"params": params, "assignment": shared, "trial_id": trial_id},
            scaling_config=ScalingConfig(
                num_workers=resources.workers,
                use_gpu=resources.gpus > 0,
                resources_per_worker={"CPU": resources.cpus, "GPU": resources.gpus},
            ),
            torch_config=TorchConfig(backend="nccl" if resources.gpus >= 1 else "gloo"),
            run_config=RunConfig(
                name=trial_id, storage_path=str(shared.models_dir / TRAIN_FOLDER), callbacks=[TuneReportCallback()]
            ),
        ).fit()

    # No CPU, its workers hold those: two trials that held one each would wait for ever on a machine with two.
    trainable: Callable[[dict[str, Any]], None] = tune.with_resources(
        tune.with_parameters(train, shared=assignment), {"memory": DDP_CLIENT_BYTES}
    )
    return trainable


def free_workers(models_dir: Path, trial_id: str = "*") -> None:
    """Give back the CPUs and GPUs of a trial that has ended or begins anew, or of all, if anything still holds them.

    A trial that is stopped takes its `TorchTrainer` down, and an actor of Ray Train's should then free what the workers
    had; where several Rays run on a machine, that one fails, and whatever came next would wait for ever.
    """
    import ray
    from ray.util.placement_group import PlacementGroup, remove_placement_group

    for note in listed(models_dir / TRAIN_FOLDER, f"{trial_id}/*{GROUP_SUFFIX}"):
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(note.stem))))
        remove(note)


def note_group(models_dir: Path, trial_id: str, group: Any = None) -> None:
    """Write down a placement group, by default the one that this worker is in, for `free_workers`."""
    from ray.util import get_current_placement_group

    name = (group or get_current_placement_group()).id.hex()
    write_text(models_dir / TRAIN_FOLDER / trial_id / f"{name}{GROUP_SUFFIX}", "")


def _work(job: dict[str, Any]) -> None:
    """What each Ray Train worker runs."""
    be_quiet()
    from ray import train

    context = train.get_context()
    rank, world_size = context.get_world_rank(), context.get_world_size()
    shared: Assignment = job["assignment"]
    if rank == 0:
        note_group(shared.models_dir, job["trial_id"])
    run_trial(
        job["params"],
        replace(shared, setting=replace(shared.setting, rank=rank, world_size=world_size)),
        trial_id=job["trial_id"],
        report=train.report,
        leader=rank == 0,
    )
