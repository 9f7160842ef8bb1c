"""Where an adapter's training stands, and the files it is kept in.

The files are those of `adapters.checkpoint`, so that a trial may go on under another executor.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, tensor

from reviewtune.adapters.checkpoint import (
    OPTIMIZER_FILE,
    PROGRESS_FILE,
    RANDOM_FILE,
    read_random,
    read_schedule,
    state_damage,
)
from reviewtune.adapters.peft_format import PEFT_PREFIX, WEIGHTS_FILE


@dataclass(frozen=True)
class SlotState:
    """An adapter with its head, optimizer and random state; tensors by name, float32, on the CPU.

    Attributes:
        adapter: Values, in the order of the model's parameters.
        mean, square: AdamW's moments of the same.
        steps: Optimizer steps that are done.
        lr_schedule: State of the learning rate's schedule.
        random: State of the generator, by device type.
        rows: Reviews of the running leg that are done; 0 between two legs.
        loss: Sum of their losses.
    """

    adapter: Mapping[str, Tensor]
    mean: Mapping[str, Tensor]
    square: Mapping[str, Tensor]
    steps: int
    lr_schedule: Mapping[str, Any]
    random: Mapping[str, Tensor]
    rows: int = 0
    loss: float = 0.0


def save_training(state: SlotState, folder: Path) -> None:
    """Write everything but the adapter itself and the part of a leg that is done."""
    moments: dict[str, Tensor] = {}
    for number, name in enumerate(state.adapter):
        moments[f"{number}.step"] = tensor(float(state.steps))
        moments[f"{number}.exp_avg"] = state.mean[name].contiguous()
        moments[f"{number}.exp_avg_sq"] = state.square[name].contiguous()
    save_file(moments, folder / OPTIMIZER_FILE)
    save_file(dict(state.random), folder / RANDOM_FILE)
    progress = {"lr_schedule": dict(state.lr_schedule)}
    (folder / PROGRESS_FILE).write_text(json.dumps(progress) + "\n")


def load_slot(folder: Path, names: Sequence[str]) -> SlotState:
    """What `save_training`, or `adapters.checkpoint` with torch's AdamW, wrote beside an adapter.

    Args:
        folder: With all files of a checkpoint.
        names: Of the adapter's tensors, in the order of the model's parameters (`initial.tensor_names`).

    Raises:
        StudyError: A file is missing or damaged, or of another optimizer.
    """
    with state_damage(folder):
        schedule = read_schedule(folder)
        moments = _moments(folder / OPTIMIZER_FILE)
        weights = load_file(folder / WEIGHTS_FILE)
        adapter = {name.removeprefix(PEFT_PREFIX): value for name, value in weights.items()}
        state = SlotState(
            adapter={name: adapter[name] for name in names},
            mean={name: moments[f"{number}.exp_avg"] for number, name in enumerate(names)},
            square={name: moments[f"{number}.exp_avg_sq"] for number, name in enumerate(names)},
            steps=int(moments["0.step"]),
            lr_schedule=schedule,
            random=read_random(folder / RANDOM_FILE),
        )
        for name, value in state.adapter.items():
            if not value.shape == state.mean[name].shape == state.square[name].shape:
                raise ValueError(f"{OPTIMIZER_FILE} and {WEIGHTS_FILE} disagree on the shape of {name}")
        if state.steps != schedule["last_epoch"]:
            raise ValueError(f"{OPTIMIZER_FILE} is of {state.steps} steps, {PROGRESS_FILE} of {schedule['last_epoch']}")
        return state


def _moments(path: Path) -> dict[str, Tensor]:
    """Raises ValueError where the states are none of a pack's, nor of torch's AdamW."""
    moments = load_file(path)
    if "0.state1" in moments:
        raise ValueError(f"{path.name} holds states of bitsandbytes, which --executor ddp goes on from")
    return moments
