"""The optimizer of an adapter, its learning-rate schedule, and their state as safetensors.

An adapter's states are a few megabytes: torch's AdamW, unless a recipe asks for those of bitsandbytes, of 8 bits and
perhaps paged (Dettmers et al. 2022, 2023).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.nn import Parameter
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from reviewtune.adapters.codes import dynamic_map, encode

ADAMW, ADAMW_8BIT, PAGED_ADAMW_8BIT = "adamw", "adamw_8bit", "paged_adamw_8bit"
PACKED = ADAMW, ADAMW_8BIT
"""What packs have of these."""
LEAST_CODED = 4_096
"""Values of a parameter from which bitsandbytes' states are of 8 bits."""


def make_optimizer(
    parameters: Sequence[Parameter], *, name: str = ADAMW, learning_rate: float, weight_decay: float
) -> Optimizer:
    """AdamW over the trainable parameters, its states in 32 bits or, by name, in 8, or in 8 and paged."""
    if name == ADAMW:
        return AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
    from bitsandbytes.optim import AdamW8bit, PagedAdamW8bit

    kind = {ADAMW_8BIT: AdamW8bit, PAGED_ADAMW_8BIT: PagedAdamW8bit}[name]
    optimizer: Optimizer = kind(parameters, lr=learning_rate, weight_decay=weight_decay)
    return optimizer


def make_lr_schedule(optimizer: Optimizer, *, name: str, warmup_ratio: float, steps: int) -> LRScheduler:
    """The learning rate over `steps` optimizer steps: linear warm-up over `warmup_ratio` of them, then `name`.

    Args:
        optimizer: What it drives.
        name: `cosine`, `linear` or `constant_with_warmup`, as transformers names them.
        warmup_ratio: Share of the steps, 0 to 1.
        steps: All optimizer steps of the trial.
    """
    from transformers import get_scheduler

    scheduler: LRScheduler = get_scheduler(
        name, optimizer, num_warmup_steps=round(steps * warmup_ratio), num_training_steps=steps
    )
    return scheduler


def save_optimizer(optimizer: Optimizer, path: Path) -> None:
    """Write the state of every parameter as tensors named `<parameter number>.<state>`; numbers become 0-d tensors."""
    tensors: dict[str, torch.Tensor] = {}
    for number, state in optimizer.state_dict()["state"].items():
        for name, value in _flat(state):
            tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value)
            tensors[f"{number}.{name}"] = tensor.detach().cpu().contiguous().clone()
    save_file(tensors, path)


def load_optimizer(optimizer: Optimizer, path: Path) -> None:
    """Restore what `save_optimizer` wrote into an optimizer over the same parameters.

    A pack keeps moments of 8 bits as torch's AdamW does its own; `AdamW8bit` reads them too.

    Raises:
        ValueError: The file is of other parameters or of another kind of optimizer.
    """
    groups = optimizer.state_dict()["param_groups"]
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in load_file(path).items():
        number, _, name = key.partition(".")
        is_count = name == "step" and not tensor.is_floating_point()
        state.setdefault(int(number), {})[name] = int(tensor) if is_count else tensor
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if type(optimizer).__name__ == "AdamW8bit":
        state = {index: _coded(values) if "exp_avg" in values else values for index, values in state.items()}
    moments = ("exp_avg", "exp_avg_sq") if isinstance(optimizer, AdamW) else ("state1", "state2")
    fits = set(state) == set(range(len(parameters))) and all(
        "step" in values and all(name in values and values[name].shape == parameters[index].shape for name in moments)
        for index, values in state.items()
    )
    if state and not fits:
        raise ValueError(f"{path.name} is of another optimizer or of other parameters")
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _coded(values: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The state of a parameter of torch's AdamW as `AdamW8bit` holds it, which leaves small ones in 32 bits."""
    state: dict[str, Any] = {"step": int(values["step"])}
    for number, moment in enumerate((values["exp_avg"], values["exp_avg_sq"]), start=1):
        state[f"state{number}"] = moment
        if moment.numel() >= LEAST_CODED:
            code = dynamic_map(signed=number == 1)
            codes, scales = encode(moment.flatten(), code)
            own = codes.flatten()[: moment.numel()].view(moment.shape)
            state |= {f"state{number}": own, f"qmap{number}": code, f"absmax{number}": scales}
    return state


def _flat(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The state's values; bitsandbytes wraps its quantised ones once more, and loads them either way."""
    for name, value in state.items():
        if isinstance(value, Mapping):
            yield from value.items()
        else:
            yield name, value
