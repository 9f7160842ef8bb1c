"""Where a training stands, as files beside its adapter: what it needs to go on as if it had never stopped."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat
from safetensors.torch import load_file, save_file
from torch import Tensor

from reviewtune.adapters.optimizer import load_optimizer, save_optimizer
from reviewtune.adapters.training import Trainer
from reviewtune.errors import StudyError
from reviewtune.stored import Stored, damage_explained, read_stored

PROGRESS_FILE = "progress.json"
OPTIMIZER_FILE = "optimizer.safetensors"
RANDOM_FILE = "random.safetensors"


def save_progress(trainer: Trainer, folder: Path) -> None:
    """Write the optimizer, the learning rate's schedule, whose steps tell the position, and the random state."""
    save_optimizer(trainer.optimizer, folder / OPTIMIZER_FILE)
    save_file(trainer.random.state(), folder / RANDOM_FILE)
    progress = {"lr_schedule": trainer.lr_schedule.state_dict()}
    (folder / PROGRESS_FILE).write_text(json.dumps(progress) + "\n")


class Schedule(BaseModel):
    """State of a learning rate's schedule, as torch's `LambdaLR` gives it; what else is there is not looked at."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    base_lrs: list[NonNegativeFloat] = Field(min_length=1, max_length=16)
    last_epoch: int = Field(ge=0, le=10**12)
    step_count: int = Field(alias="_step_count", ge=0, le=10**12)
    last_lr: list[NonNegativeFloat] = Field(alias="_last_lr", min_length=1, max_length=16)


class Progress(Stored):
    """What `progress.json` holds."""

    lr_schedule: Schedule


def read_schedule(folder: Path, *, base_lrs: Sequence[float] | None = None, steps: int | None = None) -> dict[str, Any]:
    """State of the learning rate's schedule in a folder, for `LRScheduler.load_state_dict`.

    Args:
        folder: Where `save_progress` wrote.
        base_lrs: Those of the schedule that is to go on; None: any.
        steps: Most that can be done; None: any.

    Raises:
        OSError: There is no such file.
        ValueError: It is damaged or of other params. One line.
    """
    path = folder / PROGRESS_FILE
    state = read_stored(path, Progress).lr_schedule
    if base_lrs is not None and list(base_lrs) != state.base_lrs:
        raise ValueError(f"{path.name} is of learning rates {state.base_lrs}, not of {list(base_lrs)}")
    if steps is not None and state.last_epoch > steps:
        raise ValueError(f"{path.name} is of {state.last_epoch:,} steps, more than the {steps:,} of this training")
    return state.model_dump(by_alias=True)


def read_random(path: Path) -> dict[str, Tensor]:
    """States of torch's generators, by device type: a pack's of its own device alone.

    Raises:
        OSError, SafetensorError: There is no such file, or it is damaged.
        RuntimeError, TypeError, ValueError: It holds none, or another thing.
    """
    state = load_file(path)
    if not state:
        raise ValueError(f"{path.name} holds no state of a generator")
    for device, own in state.items():
        if device != "cuda" or torch.cuda.is_available():
            torch.Generator(device).set_state(own)
    return state


def load_progress(trainer: Trainer, folder: Path) -> None:
    """Put a fresh trainer, its adapter loaded, where `save_progress` left another.

    Raises:
        StudyError: A file is missing, damaged or of other params.
    """
    with state_damage(folder):
        schedule = read_schedule(
            folder, base_lrs=[float(rate) for rate in trainer.lr_schedule.base_lrs], steps=trainer.course.steps
        )
        load_optimizer(trainer.optimizer, folder / OPTIMIZER_FILE)
        trainer.lr_schedule.load_state_dict({**trainer.lr_schedule.state_dict(), **schedule})
        trainer.random.load(read_random(folder / RANDOM_FILE))
        last = trainer.lr_schedule.get_last_lr()
        for group, rate in zip(trainer.optimizer.param_groups, last, strict=True):
            group["lr"] = rate


def state_damage(folder: Path) -> AbstractContextManager[None]:
    """Inside, what is wrong with the files of a training's state becomes a StudyError of one line."""
    return damage_explained(StudyError, f"the training state in {folder}", "delete it, the trial begins anew")
