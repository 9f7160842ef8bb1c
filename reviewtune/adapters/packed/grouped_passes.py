"""Passes by grouped products, each operation launched by itself: where a GPU's passes cannot be recorded.

So it is where weights stay quantised, or where no kernel attends reviews of any length.

Shape letters: `K` slots, `B` reviews of a pass, `C` = 2 classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from reviewtune.adapters.packed.model import PackedModel
from reviewtune.adapters.packed.passes import Parts
from reviewtune.adapters.packed.staging import PassInputs, PassShape, stage, views
from reviewtune.data.tokens import Tokens


class GroupedPasses:
    """Implements `passes.Passes`.

    Args:
        model: The packed model; its architecture runs unpadded.
        losses: (K,) sums of the slots' losses, added to.
    """

    def __init__(self, model: PackedModel, losses: Tensor) -> None:
        self.model, self.losses = model, losses
        self.slots = model.stack.slots

    def train(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64]) -> None:
        """See `passes.Passes.train`."""
        learn(self.model, self._inputs(parts, tokens, labels), self.losses)

    @torch.no_grad()
    def logits(self, parts: Parts, tokens: Tokens) -> Tensor:
        """See `passes.Passes.logits`."""
        inputs = self._inputs(parts, tokens, None)
        return self.model.logits(inputs.packed, inputs.rows, inputs.slot)

    def forget(self) -> None:
        """See `passes.Passes.forget`."""

    def _inputs(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64] | None) -> PassInputs:
        shape = PassShape.exactly(tokens.lengths[np.concatenate([part.rows for part, _ in parts])])
        staged = stage(parts, tokens, labels, shape, self.slots)
        return views(staged.buffer.to(self.losses.device, non_blocking=True), shape, self.slots, staged.lengths)


def learn(model: PackedModel, inputs: PassInputs, sums: Tensor) -> None:
    """Add the gradients of a pass's weighted losses to the stack's, and the losses to the (K,) sums of their slots."""
    logits = model.logits(inputs.packed, inputs.rows, inputs.slot)
    losses = cross_entropy(logits, inputs.labels, reduction="none")
    torch.autograd.backward((losses * inputs.weight).sum())
    sums.index_add_(0, inputs.slot, torch.where(inputs.weight > 0, losses.detach(), 0.0))
