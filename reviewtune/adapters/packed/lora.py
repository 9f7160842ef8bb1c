"""A frozen backbone whose linear layers add, to each slot's own tokens, that slot's low-rank product (Hu et al. 2022).

Shape letters: `K` slots, `T` tokens, `B` reviews, `R` rank, `D` width, `C` = 2 classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reviewtune.adapters.initial import LinearShape
from reviewtune.adapters.packed.masks import scattered
from reviewtune.adapters.packed.rows import LayerAdapters, Rows
from reviewtune.adapters.packed.stack import Pieces


class AtHand:
    """What all packed layers share: the rows of the step that is running. None: the base model alone."""

    rows: Rows | None = None


class PackedLinear(nn.Module):
    """A frozen linear layer, quantised or not, with the adapters of all slots.

    Args:
        base: The frozen layer.
        at_hand: The rows of the running step.
        index: Of the layer among those with adapters.
        place: As `LayerAdapters` has it.
        siblings: Indices of the layers that read the same input, this one among them.
    """

    def __init__(self, base: nn.Module, at_hand: AtHand, index: int, place: Tensor, siblings: list[int]) -> None:
        super().__init__()
        self.base, self.at_hand = base, at_hand
        self.index, self.place, self.siblings = index, place, siblings
        self.adapters: LayerAdapters | None = None

    @property
    def weight(self) -> Any:
        """The frozen weight; some architectures look at its type."""
        return self.base.weight

    def forward(self, inputs: Tensor) -> Tensor:
        """(1, T, outputs) of (1, T, inputs)."""
        output: Tensor = self.base(inputs)
        rows = self.at_hand.rows
        if rows is None or self.adapters is None:
            return output
        return rows.adapted(output, inputs, self.adapters)


class PackedDropout(nn.Module):
    """The base model's own dropout, drawn for each slot by itself.

    Args:
        probability: Of leaving a value out.
        at_hand: The rows of the running step.
        place: As `Rows.dropped` takes it.
    """

    def __init__(self, probability: float, at_hand: AtHand, place: Tensor) -> None:
        super().__init__()
        self.p, self.at_hand, self.place = probability, at_hand, place

    def forward(self, states: Tensor) -> Tensor:
        """(..., T, D) of the same."""
        rows = self.at_hand.rows
        return states if rows is None else rows.dropped(states, self.p, self.place)


def install(backbone: nn.Module, layers: list[LinearShape], at_hand: AtHand) -> list[PackedLinear]:
    """Put packed layers in the place of a backbone's linear layers and dropouts; the linear ones, in order.

    Args:
        backbone: Its modules are changed: give it a copy of its own (`encoders.sharing`).
        layers: That carry adapters.
        at_hand: What the packed layers will look at.
    """
    device = next(backbone.parameters()).device
    inputs = _input_numbers(backbone, [layer.name for layer in layers])
    places = {number: _number(1 + number, device) for number in set(inputs)}
    packed = []
    dropouts = [name for name, module in backbone.named_modules() if isinstance(module, nn.Dropout)]
    for place, name in enumerate(dropouts, start=1 + len(layers)):
        probability = backbone.get_submodule(name).p
        _replace(backbone, name, PackedDropout(float(probability), at_hand, _number(place, device)))  # type: ignore[arg-type]
    for index, layer in enumerate(layers):
        siblings = [other for other, number in enumerate(inputs) if number == inputs[index]]
        linear = PackedLinear(backbone.get_submodule(layer.name), at_hand, index, places[inputs[index]], siblings)
        _replace(backbone, layer.name, linear)
        packed.append(linear)
    return packed


def lend(packed: list[PackedLinear], pieces: Pieces | None) -> None:
    """Give each layer its matrices of all slots for a step, or take them away."""
    together: dict[int, Tensor] = {}
    for layer in packed:
        if pieces is None:
            layer.adapters = None
            continue
        first = layer.siblings[0]
        if first not in together:
            downs = [pieces.layers[index][0] for index in layer.siblings]
            together[first] = torch.cat(downs, 1) if len(downs) > 1 else downs[0]
        number = layer.siblings.index(layer.index)
        layer.adapters = LayerAdapters(layer.index, layer.place, *pieces.layers[layer.index], together[first], number)


def head_logits(pooled: Tensor, pieces: Pieces, slot: Tensor) -> Tensor:
    """(B, C) float32 logits, each review by the head of its slot.

    Args:
        pooled: (B, D) float32.
        pieces: The heads of all slots.
        slot: (B,) which slot each review is of.
    """
    return torch.einsum("bd,bcd->bc", pooled, pieces.head_weight[slot]) + pieces.head_bias[slot]


def _input_numbers(backbone: nn.Module, names: list[str]) -> list[int]:
    """For each linear layer the number of the first one that reads the very same input, found by running them all."""
    inputs: dict[str, Tensor] = {}

    def note(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: inputs.__setitem__(name, args[0])

    hooks = [backbone.get_submodule(name).register_forward_pre_hook(note(name)) for name in names]
    ids = torch.ones(1, 2, dtype=torch.int64, device=next(backbone.parameters()).device)
    with torch.no_grad():
        backbone(input_ids=ids, attention_mask=ids)
    for hook in hooks:
        hook.remove()
    # A layer that did not run, as those for global attention alone, shares with none.
    read = [inputs.get(name) for name in names]
    return [
        number if own is None else next(n for n, other in enumerate(read) if other is own)
        for number, own in enumerate(read)
    ]


def _replace(backbone: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(backbone.get_submodule(parent), child, module)


def _number(value: int, device: torch.device) -> Tensor:
    """What tells a module's random numbers from those of others."""
    return torch.from_numpy(scattered(np.array([value])))[0].to(device)
