"""Whose tokens are at hand, and what each slot does to its own: the seam between the packed layers and their device.

Shape letters: `K` slots, `T` tokens of all slots in a step, `B` reviews, `R` rank, `D` width.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Span:
    """The tokens and reviews of one slot in a step; the slots lie one after the other.

    Attributes:
        slot: Its place in the stack.
        tokens, reviews: (start, stop) among all.
        rank: Of its adapter.
        layers: Which linear layers, by index, carry its adapter.
        scale: Of its adapter's product.
        dropout: Share of the adapter's inputs that is left out.
        head_dropout: Share of the head's inputs that is left out.
        generator: What it draws from.
    """

    slot: int
    tokens: tuple[int, int]
    reviews: tuple[int, int]
    rank: int
    layers: frozenset[int]
    scale: float
    dropout: float
    head_dropout: float
    generator: torch.Generator


@dataclass(frozen=True, eq=False)
class LayerAdapters:
    """The adapters of all slots on one linear layer.

    Attributes:
        index: Of the layer among those with adapters.
        place: 0-d int32, what tells its random numbers from those of other modules. Layers that read the same input
            share it, and so the dropout of that input.
        down: (K, R, inputs).
        up: (K, outputs, R).
        together: (K, S * R, inputs), the `down` of the S layers that read the same input.
        number: Of this layer among these.
    """

    index: int
    place: Tensor
    down: Tensor
    up: Tensor
    together: Tensor
    number: int


class Rows(Protocol):
    """What the layers ask of the tokens at hand."""

    def adapted(self, output: Tensor, inputs: Tensor, adapters: LayerAdapters) -> Tensor:
        """(1, T, outputs) a frozen layer's output with each slot's low-rank product added on its own tokens.

        Args:
            output: (1, T, outputs).
            inputs: (1, T, inputs) of the frozen layer.
            adapters: On that layer.
        """
        ...

    def dropped(self, states: Tensor, probability: float, place: Tensor) -> Tensor:
        """(..., T, D) states with the base model's own dropout; unchanged outside training."""
        ...

    def head_dropped(self, pooled: Tensor) -> Tensor:
        """(B, D) pooled reviews with each slot's dropout before its head; unchanged outside training."""
        ...
