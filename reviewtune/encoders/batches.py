"""Batches without waste: rows of like length together, padded to their own longest, under a token budget.

Shape letters: `N` reviews, `B` batch, `T` tokens of the batch's longest review.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.data.tokens import Tokens

TOKEN_BUDGET = 16_384
"""Padded tokens of one forward pass: fills a GPU's matrix units, and stays in a CPU's memory."""


def token_batches(lengths: NDArray[np.int64], budget: int = TOKEN_BUDGET) -> Iterator[NDArray[np.int64]]:
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
    """(B, T) token ids and their attention mask (1 at real tokens) of the reviews at `rows`, on `device`."""
    lengths = tokens.lengths[rows]
    input_ids = np.full((len(rows), max(1, int(lengths.max()))), pad_id, dtype=np.int64)
    for position, row in enumerate(rows):
        input_ids[position, : lengths[position]] = tokens[int(row)]
    mask = np.arange(input_ids.shape[1])[None, :] < lengths[:, None]
    return (
        torch.from_numpy(input_ids).to(device, non_blocking=True),
        torch.from_numpy(mask.astype(np.int64)).to(device, non_blocking=True),
    )
