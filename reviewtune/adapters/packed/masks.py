"""Dropout masks as a function of where a value stands, so that a slot's masks do not depend on its neighbours.

A 32-bit integer hash of (seed of the slot's step, token, module, column) decides; compiled, it costs a few integer
operations a value and no memory. The hash is `lowbias32` (Wellons 2018, https://nullprogram.com/blog/2018/07/31/):
whole for each token and each module beforehand; for each value without its last shift, which changes low bits alone.

Shape letters: `T` tokens, `D` width.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ALWAYS = 2**31 - 1
"""The threshold that keeps everything."""

_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B
_COLUMN = 0x85EBCA6B - 2**32


def scattered(numbers: NDArray[np.integer]) -> NDArray[np.int32]:
    """Whole numbers, successive ones too, as int32 that look random: what tokens and modules are told apart by."""
    values = numbers.astype(np.uint32)
    for shift, factor in ((16, _FIRST), (15, _SECOND)):
        values = (values ^ (values >> np.uint32(shift))) * np.uint32(factor)
    return (values ^ (values >> np.uint32(16))).view(np.int32)


def threshold(probability: float) -> int:
    """What a hash may reach for a value to be kept, at this probability of being left out."""
    return ALWAYS - 2 * threshold_share(probability)


def threshold_share(probability: float) -> int:
    """Half of how far the threshold lies under the one that keeps everything; it fits 31 bits."""
    return int(ALWAYS * probability)


def keep_mask(seeds: Tensor, place: Tensor, width: int, kept: Tensor | int) -> Tensor:
    """(T, D) bool, true where a value is kept.

    Args:
        seeds: (T, 1) int32, `scattered`, another one for each token of each step.
        place: 0-d int32, `scattered`, another one for each module.
        width: D.
        kept: (T, 1) int32 thresholds, or one for all.
    """
    columns = torch.arange(width, dtype=torch.int32, device=seeds.device) * _COLUMN
    values = seeds ^ place ^ columns
    # Products wrap around.
    values = (values ^ _shifted(values, 16)) * _FIRST
    values = (values ^ _shifted(values, 15)) * (_SECOND - 2**32)
    return values <= kept


def _shifted(values: Tensor, bits: int) -> Tensor:
    """A logical shift to the right: torch's keeps the sign."""
    return (values >> bits) & ((1 << (32 - bits)) - 1)
