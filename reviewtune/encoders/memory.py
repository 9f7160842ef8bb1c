"""Whether a base model fits a GPU: the arithmetic, before anything is loaded."""

import torch

from reviewtune.encoders.batches import process_memory
from reviewtune.encoders.inspection import Contents
from reviewtune.encoders.quantisation import BYTES_A_WEIGHT, Quantisation
from reviewtune.errors import EncoderError

RESERVE = 1 << 30
"""Bytes kept for adapter, optimizer, activations and kernels: what training Stella on one short review at a time takes.
"""

CROWDED = 4
"""Times the plain weights that must be free on a GPU for them to be held so: most of it is for what trains."""


def crowds(plain: int, free: int | None) -> bool:
    """Whether plain weights would take too much of a GPU; never of a CPU's memory, which can swap.

    Args:
        plain: Bytes of the weights.
        free: Bytes, as of `free_bytes`.
    """
    return free is not None and CROWDED * plain > free


def weight_bytes(contents: Contents, quantisation: Quantisation, dtype: torch.dtype) -> int:
    """Bytes of a base model's weights on the device.

    Args:
        contents: Its parameters.
        quantisation: Of its linear layers.
        dtype: Of everything else.
    """
    whole = dtype.itemsize
    return round(contents.linear * BYTES_A_WEIGHT.get(quantisation, whole) + contents.rest * whole)


def refuse_what_does_not_fit(
    name: str, contents: Contents, quantisation: Quantisation, *, dtype: torch.dtype, free: int, reserve: int = RESERVE
) -> None:
    """Refuse a base model for which the memory is too small.

    Args:
        name: Of the base model.
        contents: Its parameters.
        quantisation: How they will be held.
        dtype: Of what is not quantised.
        free: Bytes of the device that nobody uses.
        reserve: Bytes that training needs beside the weights.

    Raises:
        EncoderError: Weights and reserve are more than what is free; the line shows the sum.
    """
    needed = weight_bytes(contents, quantisation, dtype)
    if needed + reserve <= free:
        return
    a_weight = BYTES_A_WEIGHT.get(quantisation, dtype.itemsize)
    smaller = "" if quantisation == "nf4" else "--quantisation nf4, "
    raise EncoderError(
        f"the base model {name} does not fit: {contents.linear:,} weights x {a_weight:.3g} bytes ({quantisation}) + "
        f"{contents.rest:,} x {dtype.itemsize} + {gigabytes(reserve)} to train = {gigabytes(needed + reserve)}, and "
        f"{gigabytes(free)} of the GPU are free: give {smaller}a smaller base model, or a GPU that nobody else uses"
    )


def free_bytes(device: torch.device) -> int | None:
    """Bytes of a GPU that this process may still use, what torch holds in reserve included.

    None for a CPU, whose memory can swap.
    """
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    used = torch.cuda.memory_allocated(device)
    return min(free + torch.cuda.memory_reserved(device), process_memory(device)) - used


def gigabytes(count: int) -> str:
    """For people."""
    return f"{count / 1e9:.2f} GB"
