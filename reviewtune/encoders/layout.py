"""How the tokens of a packed batch divide into reviews, as attention needs it.

Shape letters: `B` reviews of a batch or group, `T` tokens of all of them, `L` tokens of the longest.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.encoders.packing import PackedRows, on_device, tokens_of


def padding_of(device: torch.device) -> float:
    """Share of a group's longest review by which others in it may be shorter.

    On a GPU fewer groups save launches; on a CPU padding only costs.
    """
    return 0.25 if device.type == "cuda" else 0.0


@dataclass(frozen=True, eq=False)
class LengthGroup:
    """Reviews of like length that attend in one call.

    Attributes:
        size: Tokens of all of them.
        shape: (B, L).
        index: (B * L,) which of the group's tokens stands at each place, any at padding; None where none is padded.
        real: (size,) places of the real tokens; None where none is padded.
        is_real: (B, 1, 1, L) False at padding; None where none is padded.
    """

    size: int
    shape: tuple[int, int]
    index: Tensor | None = None
    real: Tensor | None = None
    is_real: Tensor | None = None


class Layout:
    """Where each review of a packed batch begins and ends, and which of them attend together.

    Args:
        packed: The batch.

    Attributes:
        is_used: Whether attention has asked for it.
        longest_first: (B,) int32 the reviews by their lengths, found out on the device.
        masks: What attention has made for a group, kept for the layers that ask for the same.
    """

    def __init__(self, packed: PackedRows) -> None:
        self.is_used = False
        self.masks: dict[Hashable, Any] = {}
        self.boundaries = packed.boundaries
        self.longest_first = packed.boundaries.diff().argsort(descending=True).to(torch.int32)
        # Compiled layers read it: their code is for any number of reviews.
        torch._dynamo.maybe_mark_dynamic(self.longest_first, 0)  # noqa: SLF001  as torch's own guide has it
        self._lengths = packed.lengths
        self._device = packed.boundaries.device

    @cached_property
    def groups(self) -> list[LengthGroup]:
        """The reviews in groups of like length, longest first. Those without tokens are in none."""
        rows = rows_of_like_length(self._lengths, padding_of(self._device))
        return [_group(self._lengths[own], self._device) for own in rows]

    @cached_property
    def order(self) -> tuple[Tensor, Tensor] | None:
        """(T,) the tokens as the groups take them, reviews by length, and (T,) the way back.

        None where they already lie so.
        """
        order = np.argsort(-self._lengths, kind="stable")
        if (order == np.arange(len(order))).all():
            return None
        there = tokens_of(self._lengths, order)
        return on_device(there, self._device), on_device(np.argsort(there), self._device)


def rows_of_like_length(lengths: NDArray[np.int64], padding: float) -> list[NDArray[np.int64]]:
    """Which rows go together, longest first; those without tokens into no group.

    Args:
        lengths: (B,) tokens of each row.
        padding: Share of a group's longest row by which others in it may be shorter.
    """
    rows = np.argsort(-lengths, kind="stable")
    rows = rows[lengths[rows] > 0]
    groups = []
    while len(rows):
        count = int(np.count_nonzero(lengths[rows] >= lengths[rows[0]] * (1 - padding)))
        groups.append(rows[:count])
        rows = rows[count:]
    return groups


def _group(lengths: NDArray[np.int64], device: torch.device) -> LengthGroup:
    """The group of reviews of these lengths, longest first."""
    shape, size = (len(lengths), int(lengths[0])), int(lengths.sum())
    if lengths[0] == lengths[-1]:
        return LengthGroup(size, shape)
    is_real = np.arange(shape[1]) < lengths[:, None]
    starts = np.cumsum(lengths) - lengths
    index = np.where(is_real, starts[:, None] + np.arange(shape[1]), starts[:, None])
    return LengthGroup(
        size,
        shape,
        index=on_device(index.ravel(), device),
        real=on_device(np.flatnonzero(is_real), device),
        is_real=on_device(is_real[:, None, None], device),
    )
