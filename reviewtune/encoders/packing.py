"""Batches without padding: the real tokens of several reviews, one after the other.

Shape letters: `B` reviews of a batch, `T` tokens of all of them, `L` tokens of the longest.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.data.tokens import Tokens


@dataclass(frozen=True, eq=False)
class PackedRows:
    """The tokens of B reviews, without any padding.

    Attributes:
        input_ids: (T,) int64 token ids, review after review.
        positions: (T,) int64 place of each token in its review, from 0.
        row: (T,) int64 which review of the batch each token is of, from 0.
        boundaries: (B + 1,) int32; the tokens of review b are at `boundaries[b]` to `boundaries[b + 1]`.
        lengths: (B,) int64 tokens of each review, kept off the device: reading them there would wait for it.
    """

    input_ids: Tensor
    positions: Tensor
    row: Tensor
    boundaries: Tensor
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def longest(self) -> int:
        """Tokens of the longest review; 0 without any."""
        return int(self.lengths.max(initial=0))


def pack_rows(tokens: Tokens, rows: NDArray[np.int64], device: torch.device) -> PackedRows:
    """The reviews at `rows` one after the other, on `device`. A review without any token takes no place."""
    lengths = tokens.lengths[rows]
    boundaries = np.concatenate([[0], np.cumsum(lengths)])
    positions = places(lengths)
    input_ids = tokens.ids[np.repeat(tokens.offsets[rows], lengths) + positions].astype(np.int64)
    row = np.repeat(np.arange(len(rows)), lengths)
    return PackedRows(
        input_ids=on_device(input_ids, device),
        positions=on_device(positions, device),
        row=on_device(row, device),
        boundaries=on_device(boundaries.astype(np.int32), device),
        lengths=lengths,
    )


def on_device(array: NDArray[np.generic], device: torch.device) -> Tensor:
    """An array on the device, without waiting for it."""
    tensor = torch.from_numpy(array)
    # From memory that may be swapped out a copy to a GPU waits for all that the GPU was given before.
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def select_rows(packed: PackedRows, rows: NDArray[np.int64]) -> PackedRows:
    """Some reviews of a batch, in the order of `rows`."""
    lengths = packed.lengths[rows]
    device = packed.row.device
    index = on_device(tokens_of(packed.lengths, rows), device)
    boundaries = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return PackedRows(
        input_ids=packed.input_ids[index],
        positions=packed.positions[index],
        row=on_device(np.repeat(np.arange(len(rows)), lengths), device),
        boundaries=on_device(boundaries, device),
        lengths=lengths,
    )


def pad_rows(packed: PackedRows, pad_id: int) -> tuple[Tensor, Tensor]:
    """(B, L) token ids, L the longest review's, and their attention mask (1 at real tokens).

    A review without any token keeps one padding token: attention over nothing is not a number.
    """
    input_ids = torch.full((len(packed), max(1, packed.longest)), pad_id, device=packed.row.device)
    mask = torch.zeros_like(input_ids)
    input_ids[packed.row, packed.positions] = packed.input_ids
    mask[packed.row, packed.positions] = 1
    mask[:, 0] = 1
    return input_ids, mask


def tokens_of(lengths: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the tokens of the reviews at `rows` lie in a batch whose reviews have these (B,) lengths."""
    starts = np.cumsum(lengths) - lengths
    return np.repeat(starts[rows], lengths[rows]) + places(lengths[rows])


def places(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(T,) place of each token in its review, from 0, of B reviews of these (B,) lengths."""
    starts = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - np.repeat(starts, lengths)
