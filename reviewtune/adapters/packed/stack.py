"""The adapters and heads of all slots in one tensor, a row a slot: cast, differentiated and updated in one piece.

Shape letters: `K` slots, `P` values of a slot, `R` the stack's rank, `D` hidden width, `C` = 2 classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reviewtune.adapters.initial import HEAD_BIAS, HEAD_WEIGHT, LinearShape
from reviewtune.encoders.classifier import NUM_CLASSES

ALIGNMENT = 8
"""Values; 16 bytes of bfloat16, as grouped matrix products ask for."""


@dataclass(frozen=True)
class Pieces:
    """The values of all slots as the layers use them.

    Attributes:
        layers: For each linear layer (K, R, inputs) and (K, outputs, R), in the compute type.
        head_weight: (K, C, D) float32.
        head_bias: (K, C) float32.
    """

    layers: list[tuple[Tensor, Tensor]]
    head_weight: Tensor
    head_bias: Tensor


class AdapterStack:
    """Room for K adapters of up to rank R over the same linear layers, each with a head.

    An adapter of a smaller rank, or on fewer layers, leaves the rest of its row at zero, where it stays: the gradient
    of one matrix is a product with the other.

    Args:
        layers: That may carry an adapter, in the order of the backbone.
        width: D.
        rank: R; rounded up to a multiple of 8.
        slots: K.
        device: Where.
        dtype: The compute type of the layers.

    Attributes:
        values: (K, P) float32, with gradients.
    """

    def __init__(
        self,
        layers: Sequence[LinearShape],
        *,
        width: int,
        rank: int,
        slots: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.layers = list(layers)
        self.width, self.slots, self.dtype = width, slots, dtype
        self.rank = _aligned(rank)
        shapes: dict[str, tuple[int, int]] = {}
        for layer in self.layers:
            shapes[layer.down] = (self.rank, layer.inputs)
            shapes[layer.up] = (layer.outputs, self.rank)
        shapes[HEAD_WEIGHT] = (NUM_CLASSES, width)
        shapes[HEAD_BIAS] = (1, NUM_CLASSES)
        self._shapes = shapes
        self._sizes = [_aligned(rows * columns) for rows, columns in shapes.values()]
        self.values = torch.zeros(slots, sum(self._sizes), device=device, requires_grad=True)

    def pieces(self) -> Pieces:
        """The values in the compute type; their gradients flow back to `values`."""
        head = sum(self._sizes[:-2])
        # One split, not a slice a matrix: the gradient of every slice would be as large as the whole.
        low, high = torch.split(self.values, [head, self.values.shape[1] - head], dim=1)
        matrices = torch.split(low.to(self.dtype), self._sizes[:-2], dim=1) if head else ()
        shaped = [
            piece[:, : rows * columns].view(self.slots, rows, columns)
            for piece, (rows, columns) in zip(matrices, self._shapes.values(), strict=False)
        ]
        weight, bias = torch.split(high, self._sizes[-2:], dim=1)
        return Pieces(
            layers=list(zip(shaped[::2], shaped[1::2], strict=True)),
            head_weight=weight[:, : NUM_CLASSES * self.width].reshape(self.slots, NUM_CLASSES, self.width),
            head_bias=bias[:, :NUM_CLASSES],
        )

    @torch.no_grad()
    def write(self, row: Tensor, tensors: Mapping[str, Tensor]) -> None:
        """Fill a (P,) row with an adapter's tensors; what they do not cover becomes zero.

        Raises:
            ValueError: A tensor's name is unknown, or it is larger than its room.
        """
        row.zero_()
        places = self._places(row)
        for name, tensor in tensors.items():
            if name not in places:
                raise ValueError(f"{name} belongs to no layer of this stack")
            value = tensor.reshape(1, -1) if tensor.ndim == 1 else tensor
            if any(own > room for own, room in zip(value.shape, places[name].shape, strict=True)):
                raise ValueError(f"{name} of shape {tuple(tensor.shape)} does not fit {tuple(places[name].shape)}")
            places[name][: value.shape[0], : value.shape[1]] = value.to(row)

    def row(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """A (P,) row of its own with an adapter's tensors. See `write`."""
        row = torch.empty_like(self.values[0], requires_grad=False)
        self.write(row, tensors)
        return row

    def read(self, row: Tensor, layers: Sequence[LinearShape], rank: int) -> dict[str, Tensor]:
        """The tensors of an adapter of `rank` on `layers` in a (P,) row: copies, on the CPU."""
        row = row.detach().cpu()
        places = self._places(row)
        tensors = {}
        for layer in layers:
            tensors[layer.down] = places[layer.down][:rank].clone()
            tensors[layer.up] = places[layer.up][:, :rank].clone(memory_format=torch.contiguous_format)
        return tensors | {HEAD_WEIGHT: places[HEAD_WEIGHT].clone(), HEAD_BIAS: places[HEAD_BIAS][0].clone()}

    def _places(self, row: Tensor) -> dict[str, Tensor]:
        """Views of a row by name, each as large as its room."""
        parts = torch.split(row, self._sizes)
        return {
            name: part[: rows * columns].view(rows, columns)
            for part, (name, (rows, columns)) in zip(parts, self._shapes.items(), strict=True)
        }


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
