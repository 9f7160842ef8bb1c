"""Dropout masks as a function of where a value stands, so that a slot's masks do not depend on its neighbours.

A 32-bit integer hash of (seed of the slot's step, token, module, column) decides; compiled, it costs a few integer
operations a value and no memory. The hash is `lowbias32` (Wellons 2018, https://nullprogram.com/blog/2018/07/31/).

Shape letters: `T` tokens, `D` width.
"""

import torch
from torch import Tensor

ALWAYS = 2**31 - 1
"""The threshold that keeps everything."""

_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - 2**32
_PLACE, _COLUMN = 0x9E3779B9 - 2**32, 0x85EBCA6B - 2**32


def threshold(probability: float) -> int:
    """What a hash must stay below for a value to be kept, at this probability of being left out."""
    return ALWAYS - threshold_share(probability)


def threshold_share(probability: float) -> int:
    """How far the threshold lies under the one that keeps everything."""
    return int(ALWAYS * probability)


def keep_mask(seeds: Tensor, place: Tensor, width: int, kept: Tensor | int) -> Tensor:
    """(T, D) bool, true where a value is kept.

    Args:
        seeds: (T, 1) int32, another one for each token of each step.
        place: 0-d int32, another one for each module.
        width: D.
        kept: (T, 1) int32 thresholds, or one for all.
    """
    columns = torch.arange(width, dtype=torch.int32, device=seeds.device)
    # Tokens of one slot have successive seeds: mix them before the columns come in.
    rows = _mixed(seeds + place * _PLACE)
    return (_mixed(rows ^ (columns * _COLUMN)) & (ALWAYS - 1)) < kept


def _mixed(values: Tensor) -> Tensor:
    """Int32 values, hashed; products wrap around."""
    values = values ^ _shifted(values, 16)
    values = values * _FIRST
    values = values ^ _shifted(values, 15)
    values = values * _SECOND
    return values ^ _shifted(values, 16)


def _shifted(values: Tensor, bits: int) -> Tensor:
    """A logical shift to the right: torch's keeps the sign."""
    return (values >> bits) & ((1 << (32 - bits)) - 1)
