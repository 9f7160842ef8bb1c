"""Batches under a token budget, rows of like length together.

Shape letters: `N` reviews.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

GPU_TOKENS, CPU_TOKENS = 16_384, 2_048
"""Most tokens of one forward pass: what fills a GPU's matrix units; what a CPU's caches bear, which gains nothing by
more."""

BYTES_A_TOKEN = 5_000_000
"""Of a GPU's memory, for each token of a training step. Stella keeps 1.9 MB of activations a token, 2.8 with adapters
on all linear layers; FLAN-T5-large 2.2 and 2.9."""

FEWEST = 512
"""Tokens of a forward pass however small the GPU: the longest review."""


def token_budget(device: torch.device) -> int:
    """Most tokens of a forward pass on `device`; a GPU's are in proportion to the memory that this process may use."""
    if device.type != "cuda":
        return CPU_TOKENS
    return gpu_tokens(process_memory(device))


def gpu_tokens(memory: int) -> int:
    """Most tokens of a forward pass on a GPU with this many bytes of memory."""
    return max(FEWEST, min(GPU_TOKENS, memory // BYTES_A_TOKEN))


def process_memory(device: torch.device) -> int:
    """Bytes of a GPU that this process may use: all, unless `torch.cuda.set_per_process_memory_fraction` says less."""
    share = torch.cuda.get_per_process_memory_fraction(device)
    return int(torch.cuda.get_device_properties(device).total_memory * share)


def token_batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each batch: all N rows once, longest first, of at most `budget` tokens.

    Rows of like length make attention cheapest where it has no kernel for packed rows. A single row longer than the
    budget has a batch of its own.

    Args:
        lengths: (N,) tokens of each row.
        budget: Most tokens of a batch.
    """
    order = np.argsort(-lengths, kind="stable")
    ends = np.cumsum(lengths[order])
    start, before = 0, 0
    while start < len(order):
        stop = max(start + 1, int(np.searchsorted(ends, before + budget, side="right")))
        yield order[start:stop]
        start, before = stop, int(ends[stop - 1])
