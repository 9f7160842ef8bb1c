"""The moments of the gradients of K slots: whole, or of 8 bits.

A block of codes (`adapters.codes`) lies within a slot's row, so that they follow from that slot's moments alone.

Shape letters: `K` slots, `P` values of a slot, `S` blocks of a slot.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from reviewtune.adapters.codes import BLOCK, decode, dynamic_map, encode

WHOLE = slice(None)
"""All slots at once."""
Change = Callable[[slice, Tensor, Tensor], None]
"""Changes in place the means and squares of a slice of the slots."""


class Moments(Protocol):
    """The mean and the square of each slot's gradients."""

    def update(self, slots: Sequence[int], change: Change) -> None:
        """Call `change` for these slots at least, for all of them at once or for some at a time."""

    def read(self, slot: int) -> tuple[Tensor, Tensor]:
        """A slot's (P,) mean and square."""

    def write(self, slot: int, mean: Tensor, square: Tensor) -> None:
        """Replace a slot's (P,) mean and square."""


class WholeMoments:
    """Moments in float32, all changed at once. Implements `Moments`.

    Attributes:
        mean, square: (K, P).
    """

    def __init__(self, values: Tensor) -> None:
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)

    def update(self, slots: Sequence[int], change: Change) -> None:  # noqa: ARG002, D102
        change(WHOLE, self.mean, self.square)

    def read(self, slot: int) -> tuple[Tensor, Tensor]:  # noqa: D102
        return self.mean[slot], self.square[slot]

    def write(self, slot: int, mean: Tensor, square: Tensor) -> None:  # noqa: D102
        self.mean[slot], self.square[slot] = mean, square


class CodedMoments:
    """Moments of 8 bits, of which one slot's at a time are unpacked. Implements `Moments`."""

    def __init__(self, values: Tensor) -> None:
        self.mean, self.square = CodedRows(values, signed=True), CodedRows(values, signed=False)

    def update(self, slots: Sequence[int], change: Change) -> None:  # noqa: D102
        for slot in slots:
            self._update(slot, change)

    def _update(self, slot: int, change: Change) -> None:
        mean, square = self.read(slot)
        change(slice(slot, slot + 1), mean[None], square[None])
        self.write(slot, mean, square)

    def read(self, slot: int) -> tuple[Tensor, Tensor]:  # noqa: D102
        return self.mean.read(slot), self.square.read(slot)

    def write(self, slot: int, mean: Tensor, square: Tensor) -> None:  # noqa: D102
        self.mean.write(slot, mean)
        self.square.write(slot, square)


class CodedRows:
    """Rows of codes. A row that is read and written again stays as it is, to the last bit.

    So does a slot whose step is refused; and one that goes on from its checkpoint, of float32 values, goes on exactly.

    Args:
        values: (K, P), of whose shape and device the rows are, all zero.
        signed: Whether a value may be negative.

    Attributes:
        codes: (K, S, BLOCK) uint8.
        scales: (K, S) float32.
        code: (256,) float32, what each code stands for.
    """

    def __init__(self, values: Tensor, *, signed: bool) -> None:
        slots, self.length = values.shape
        blocks = -(-self.length // BLOCK)
        self.codes = torch.zeros(slots, blocks, BLOCK, dtype=torch.uint8, device=values.device)
        self.scales = torch.zeros(slots, blocks, device=values.device)
        self.code = dynamic_map(signed=signed).to(values.device)

    def read(self, slot: int) -> Tensor:
        """(P,) float32, a copy."""
        return decode(self.codes[slot], self.scales[slot], self.code)[: self.length]

    def write(self, slot: int, row: Tensor) -> None:
        """Keep the nearest that there are codes for of a (P,) float32 row."""
        self.codes[slot], self.scales[slot] = encode(row, self.code)
