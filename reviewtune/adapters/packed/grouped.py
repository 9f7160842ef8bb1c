"""The packed products of all slots in one launch each: grouped matrix products, for GPUs.

Shape letters: `K` slots, `T` tokens, `B` reviews, `R` rank, `D` width.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from reviewtune.adapters.packed.masks import ALWAYS, keep_mask, threshold_share
from reviewtune.adapters.packed.rows import LayerAdapters

_product: Any = getattr(functional, "grouped_mm", None) or torch._grouped_mm  # noqa: SLF001  before torch 2.10


HOPPER = 9
"""Major compute capability of the GPUs whose grouped products are used. Older ones read the groups' ends back to the
host at every product (torch 2.13), newer ones give wrong gradients to a slot without tokens (pytorch issue 172439)."""


def has_grouped_products(device: torch.device) -> bool:
    """Whether grouped products run there, right and without waiting for the device."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] == HOPPER


@dataclass(frozen=True, eq=False)
class Columns:
    """What each token, or each review, brings along.

    Attributes:
        seeds: (T, 1) int32, `masks.scattered`, another one for each in each step.
        kept: (T, 1) int32 threshold of its slot's dropout (`masks.threshold`).
        gain: (T, 1) what the values that are kept are multiplied by.
    """

    seeds: Tensor
    kept: Tensor
    gain: Tensor


class GroupedRows:
    """Implements `rows.Rows`.

    Args:
        ends: (K,) int32, where each slot's tokens end; the last at T.
        scale: (T, 1) what each token's low-rank product is multiplied by.
        tokens: Of the T tokens.
        reviews: Of the B reviews.
        training: 0-d float32, 1 where dropout is on and 0 where it is off. As a number, not as a word, it leaves the
            compiled code of training and of evaluation the same.
    """

    def __init__(self, ends: Tensor, scale: Tensor, tokens: Columns, reviews: Columns, training: Tensor) -> None:
        self.ends, self.scale = ends, scale
        self.tokens, self.reviews = tokens, reviews
        self.training = training
        self._inputs: Tensor | None = None
        self._lows: tuple[Tensor, ...] = ()

    def adapted(self, output: Tensor, inputs: Tensor, adapters: LayerAdapters) -> Tensor:
        """See `rows.Rows.adapted`. A slot without an adapter on the layer has zeros there."""
        added: Tensor = _product(self._low(inputs, adapters), adapters.up.transpose(1, 2), offs=self.ends)
        result: Tensor = output + added[None]
        if torch.compiler.is_compiling():
            result = _Once.apply(result)  # type: ignore[no-untyped-call]
        return result

    def _low(self, inputs: Tensor, adapters: LayerAdapters) -> Tensor:
        """(T, R) scaled low-rank inputs of a layer's second product: those of layers with the same input in one."""
        if self._inputs is not inputs:
            # Layers that are kept in float32, as some of T5's, have adapters in the compute type all the same.
            drop = _compiled() if inputs.is_cuda and not torch.compiler.is_compiling() else _dropped
            entering = drop(inputs.squeeze(0).to(adapters.down), self.tokens, adapters.place)
            low = _product(entering, adapters.together.transpose(1, 2), offs=self.ends) * self.scale.to(entering)
            self._inputs, self._lows = inputs, torch.split(low, adapters.down.shape[1], dim=1)
        low = self._lows[adapters.number]
        if adapters.number == len(self._lows) - 1:
            self._inputs, self._lows = None, ()
        return low

    def dropped(self, states: Tensor, probability: float, place: Tensor) -> Tensor:
        """See `rows.Rows.dropped`."""
        if not probability:
            return states
        dropped = (self.training * threshold_share(probability)).to(torch.int32)
        mask = keep_mask(self.tokens.seeds, place, states.shape[-1], ALWAYS - dropped - dropped)
        gain = 1 + self.training * (probability / (1 - probability))
        return torch.where(mask, states * gain.to(states), 0.0)

    def head_dropped(self, pooled: Tensor) -> Tensor:
        """See `rows.Rows.head_dropped`."""
        return _dropped(pooled, self.reviews, torch.zeros_like(self.ends[0]))


class _Once(torch.autograd.Function):
    """The same values, whose gradient compiled code writes once.

    Three products read the gradient of a layer's output, each in a shape of its own. Where it is not in memory as they
    want it, inductor would write it once for each; `as_strided` wants it in memory first.
    """

    @staticmethod
    def forward(_context: Any, states: Tensor) -> Tensor:
        return states.view_as(states)

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        return gradient.as_strided(gradient.size(), gradient.stride())


def _dropped(states: Tensor, columns: Columns, place: Tensor) -> Tensor:
    """(T, D) states, those that `keep_mask` leaves out at zero and the others times their gain."""
    mask = keep_mask(columns.seeds, place, states.shape[1], columns.kept)
    return torch.where(mask, states * columns.gain.to(states), 0.0)


@cache
def _compiled() -> Any:
    """`_dropped` in one kernel, for layers that are not compiled as a whole: by itself it launches fourteen."""
    return torch.compile(_dropped, dynamic=True)
