"""Batches under a token budget, rows of like length together.

Shape letters: `N` reviews.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

GPU_TOKENS, CPU_TOKENS = 16_384, 2_048
"""Tokens of one forward pass: what fills a GPU's matrix units; what a CPU's caches bear, which gains nothing by more.
"""


def token_budget(device: torch.device) -> int:
    """Most tokens of a forward pass on `device`."""
    return GPU_TOKENS if device.type == "cuda" else CPU_TOKENS


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
