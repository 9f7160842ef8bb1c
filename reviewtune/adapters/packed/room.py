"""How many adapters, and how many tokens at a time, a device's memory bears beside a base model."""

from dataclasses import replace
from typing import Any

from torch import nn

from reviewtune.adapters.initial import linear_shapes
from reviewtune.adapters.optimizer import ADAMW, ADAMW_8BIT
from reviewtune.adapters.packed.budget import LEAST_TOKENS, PackRoom
from reviewtune.encoders.classifier import linear_layers
from reviewtune.encoders.memory import free_bytes
from reviewtune.errors import StudyError

CPU_TOKENS = 2_048
"""Tokens of a pass on a CPU: more gain nothing there and take memory."""
MOST_TOKENS = 131_072
"""Tokens of a pass that fill any card."""
VALUE_BYTES = {ADAMW: 24, ADAMW_8BIT: 18.1}
"""Of a value of a slot: float32 itself, its gradient and two moments, and bfloat16 copies of value and gradient.
Moments of 8 bits are a byte each, and their share of a block's scale."""
ACTIVATION_BYTES = {"attention": 38, "all-linear": 56}
"""Of a token, for each layer and unit of hidden width, as measured on Stella's shape with the layers compiled."""
ACTIVATION_SHARE = 0.4
"""Of the free memory that one pass may take: the first of each shape runs beside the recorded ones."""


def make_room(backbone: nn.Module, wanted: PackRoom) -> PackRoom:
    """A pack's room on the device of its backbone.

    Args:
        backbone: On its device.
        wanted: At most.

    Raises:
        StudyError: Not even one slot fits.
    """
    device = next(backbone.parameters()).device
    if device.type != "cuda":
        return replace(wanted, tokens=min(wanted.tokens, CPU_TOKENS))
    layers = linear_shapes(backbone, linear_layers(backbone, wanted.target))
    if not layers:
        raise StudyError(
            f"target={wanted.target} finds no linear layer in the base model: give target=all-linear or another one"
        )
    values = sum(wanted.rank * (layer.inputs + layer.outputs) for layer in layers)
    config: Any = backbone.config
    token_bytes = ACTIVATION_BYTES[wanted.target] * config.num_hidden_layers * config.hidden_size
    return fit_room(free_bytes(device) or 0, wanted, int(values * VALUE_BYTES[wanted.optimizer]), token_bytes)


def fit_room(free: int, wanted: PackRoom, slot_bytes: int, token_bytes: int) -> PackRoom:
    """The room in `free` bytes: half of them for slots at most, then tokens in what is left.

    Args:
        free: Bytes.
        wanted: At most.
        slot_bytes: Of a slot.
        token_bytes: Of a token that is trained on.

    Raises:
        StudyError: Not even one slot fits.
    """
    slots = min(wanted.slots, free // 2 // slot_bytes)
    tokens = int(ACTIVATION_SHARE * (free - slots * slot_bytes)) // token_bytes
    if slots < 1 or tokens < LEAST_TOKENS:
        raise StudyError(
            f"a slot of rank {wanted.rank} on {wanted.target} takes {slot_bytes / 1e9:.2f} GB and {LEAST_TOKENS} "
            f"tokens {LEAST_TOKENS * token_bytes / 1e9:.2f} GB, but {free / 1e9:.2f} GB are free: search smaller ranks "
            "or target=attention, or free the card"
        )
    return replace(wanted, slots=slots, tokens=min(wanted.tokens, tokens))
