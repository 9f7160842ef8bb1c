"""AdamW over all slots at once, each by its own learning rate, weight decay, clipping norm and step count.

Shape letters: `K` slots, `P` values of a slot.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

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


class StackedAdamW:
    """Moments and step counts of K slots.

    A slot whose gradient is not finite keeps its values and its moments, and is counted in `refused`; its neighbours
    never see it.

    Args:
        values: (K, P) float32, updated in place.
        compiled: Fuse the update into few kernels; worth its compilation on a GPU.

    Attributes:
        mean, square: (K, P) moments of the gradients.
        steps: (K, 1) updates so far.
        refused: (K, 1) steps whose gradient was not finite.
    """

    def __init__(self, values: Tensor, *, compiled: bool) -> None:
        self.values = values
        self.mean, self.square = torch.zeros_like(values), torch.zeros_like(values)
        self.steps = values.new_zeros(len(values), 1)
        self.refused = torch.zeros_like(self.steps)
        self._apply = torch.compile(self._update) if compiled else self._update

    @torch.no_grad()
    def step(self, gradient: Tensor, rates: Rates) -> None:
        """Update the active slots by a (K, P) gradient, without waiting for the device."""
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        good = (rates.active > 0) & torch.isfinite(norm)
        self.refused += (rates.active > 0) & ~good
        self.steps += good
        self._apply(gradient, norm, good, rates)

    @torch.no_grad()
    def clear(self, slot: int) -> None:
        """Forget all of a slot."""
        for state in (self.mean, self.square, self.steps, self.refused):
            state[slot] = 0

    def _update(self, gradient: Tensor, norm: Tensor, good: Tensor, rates: Rates) -> None:
        """One step of AdamW where `good`, in the order of operations of torch's own."""
        values = self.values.detach()
        clipped = gradient * torch.clamp(rates.max_norm / (norm + 1e-6), max=1.0)
        mean = self.mean.lerp(clipped, 1 - BETAS[0])
        square = self.square * BETAS[1] + (1 - BETAS[1]) * clipped * clipped
        # expm1: in float32, one minus a power near one has few digits left.
        bias, square_bias = (-torch.expm1(self.steps * math.log(beta)) for beta in BETAS)
        root = square.sqrt() / square_bias.sqrt() + EPSILON
        moved = values * (1 - rates.learning_rate * rates.weight_decay) - rates.learning_rate / bias * mean / root
        values.copy_(torch.where(good, moved, values))
        self.mean.copy_(torch.where(good, mean, self.mean))
        self.square.copy_(torch.where(good, square, self.square))
