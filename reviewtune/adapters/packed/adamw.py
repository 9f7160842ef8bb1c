"""AdamW over all slots at once, each by its own learning rate, weight decay, clipping norm and step count.

Shape letters: `K` slots, `P` values of a slot.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reviewtune.adapters.optimizer import ADAMW, ADAMW_8BIT
from reviewtune.adapters.packed.moments import WHOLE, CodedMoments, Moments, WholeMoments

MOMENTS: dict[str, Callable[[Tensor], Moments]] = {ADAMW: WholeMoments, ADAMW_8BIT: CodedMoments}
"""How each kind of optimizer that packs have keeps the moments."""

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class Rates:
    """What the slots are updated by in one step; each (K, 1) float32.

    Attributes:
        active: 1 for slots that take the step, 0 for those that stay as they are.
        learning_rate, weight_decay: Of AdamW (Loshchilov and Hutter 2019).
        max_norm: A longer gradient is scaled down to this length.
    """

    active: Tensor
    learning_rate: Tensor
    weight_decay: Tensor
    max_norm: Tensor

    def of(self, part: slice) -> "Rates":
        """Those of some slots."""
        return Rates(self.active[part], self.learning_rate[part], self.weight_decay[part], self.max_norm[part])


@dataclass(frozen=True)
class _Step:
    """What a step takes besides the moments, for all slots or some.

    Attributes:
        values: (K, P), changed in place.
        gradient: (K, P).
        norm: (K, 1), the gradient's.
        good: (K, 1) bool; the other slots stay as they are.
        count: (K, 1), this step included.
        rates: Of the same slots.
    """

    values: Tensor
    gradient: Tensor
    norm: Tensor
    good: Tensor
    count: Tensor
    rates: Rates

    def of(self, part: slice) -> "_Step":
        """That of some slots."""
        if part == WHOLE:
            return self
        values, gradient, norm, good, count = (
            row[part] for row in (self.values, self.gradient, self.norm, self.good, self.count)
        )
        return _Step(values, gradient, norm, good, count, self.rates.of(part))


class StackedAdamW:
    """Moments and step counts of K slots.

    A slot whose gradient is not finite keeps its values and its moments, and is counted in `refused`; its neighbours
    never see it.

    Args:
        values: (K, P) float32, updated in place.
        kind: How the moments of all slots are kept, one of `MOMENTS`.
        compiled: Fuse the update into few kernels; worth its compilation on a GPU.

    Attributes:
        moments: Of the gradients.
        steps: (K, 1) updates so far.
        refused: (K, 1) steps whose gradient was not finite.
    """

    def __init__(self, values: Tensor, *, kind: str = ADAMW, compiled: bool) -> None:
        self.values = values
        self.moments = MOMENTS[kind](values)
        self.steps = values.new_zeros(len(values), 1)
        self.refused = torch.zeros_like(self.steps)
        self._apply = torch.compile(_update) if compiled else _update

    @torch.no_grad()
    def step(self, gradient: Tensor, rates: Rates, slots: Sequence[int]) -> None:
        """Update the active slots, whose numbers are `slots`, by a (K, P) gradient, without waiting for the device."""
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        good = (rates.active > 0) & torch.isfinite(norm)
        self.refused += (rates.active > 0) & ~good
        self.steps += good
        step = _Step(self.values.detach(), gradient, norm, good, self.steps, rates)
        self.moments.update(slots, lambda part, mean, square: self._apply(step.of(part), mean, square))

    @torch.no_grad()
    def clear(self, slot: int) -> None:
        """Forget all of a slot."""
        nothing = torch.zeros_like(self.values[slot])
        self.restore(slot, nothing, nothing, steps=0)
        self.refused[slot] = 0

    @torch.no_grad()
    def restore(self, slot: int, mean: Tensor, square: Tensor, *, steps: int) -> None:
        """Put a slot where it stood after so many steps, by its (P,) moments."""
        self.moments.write(slot, mean, square)
        self.steps[slot] = steps


def _update(step: _Step, mean: Tensor, square: Tensor) -> None:
    """One step of AdamW where it is good, in the order of operations of torch's own."""
    rates = step.rates
    clipped = step.gradient * torch.clamp(rates.max_norm / (step.norm + 1e-6), max=1.0)
    new_mean = mean.lerp(clipped, 1 - BETAS[0])
    new_square = square * BETAS[1] + (1 - BETAS[1]) * clipped * clipped
    # expm1: in float32, one minus a power near one has few digits left.
    bias, square_bias = (-torch.expm1(step.count * math.log(beta)) for beta in BETAS)
    root = new_square.sqrt() / square_bias.sqrt() + EPSILON
    moved = step.values * (1 - rates.learning_rate * rates.weight_decay) - rates.learning_rate / bias * new_mean / root
    step.values.copy_(torch.where(step.good, moved, step.values))
    mean.copy_(torch.where(step.good, new_mean, mean))
    square.copy_(torch.where(step.good, new_square, square))
