"""Batches without waste: rows of like length together, padded to their own longest, under a token budget.

Shape letters: `N` reviews, `B` batch, `T` tokens of the batch's longest review.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.data.tokens import Tokens

GPU_TOKENS, CPU_TOKENS = 16_384, 2_048
"""Padded tokens of one forward pass: what fills a GPU's matrix units; what a CPU's caches bear. A CPU gains nothing by
larger batches, and they pad more: 200 reviews take it twice as long in batches of 16,384."""


def token_budget(device: torch.device) -> int:
    """Most padded tokens of a forward pass on `device`."""
    return GPU_TOKENS if device.type == "cuda" else CPU_TOKENS


def token_batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each batch: all N rows once, longest first, B x T at most `budget` (a single longer row excepted).

    Args:
        lengths: (N,) tokens of each row.
        budget: Most padded tokens of a batch.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def pad(tokens: Tokens, rows: NDArray[np.int64], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(B, T) token ids and their attention mask (1 at real tokens) of the reviews at `rows`, on `device`.

    A review without any token keeps one padding token: attention over nothing is not a number.
    """
    lengths = tokens.lengths[rows]
    width = max(1, int(lengths.max()))
    mask = np.arange(width) < np.maximum(lengths, 1)[:, None]
    input_ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    for position, row in enumerate(rows):
        input_ids[position, : lengths[position]] = tokens[int(row)]
    return (
        torch.from_numpy(input_ids).to(device, non_blocking=True),
        torch.from_numpy(mask.astype(np.int64)).to(device, non_blocking=True),
    )
