"""Passes over the rows of several slots: the interface, and the plain one for CPUs and architectures that run padded.

Shape letters: `K` slots, `B` reviews of a pass, `C` = 2 classes.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from reviewtune.adapters.packed.batch import Part
from reviewtune.adapters.packed.model import PackedModel
from reviewtune.adapters.packed.rows import Span
from reviewtune.adapters.packed.sliced import SlicedRows
from reviewtune.adapters.packed.slot import Placed
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.packing import pack_rows

Parts = Sequence[tuple[Part, Placed]]
"""At most one part of each slot, in the order of the slots."""


class Passes(Protocol):
    """Runs passes of a pack."""

    def train(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64]) -> None:
        """Add the gradients of the parts' weighted losses to the stack's, and the losses to their slots' sums."""
        ...

    def logits(self, parts: Parts, tokens: Tokens) -> Tensor:
        """(B, C) float32 logits of the parts' rows, part after part, without dropout and gradients."""
        ...

    def forget(self) -> None:
        """Give back memory that only makes the next passes faster."""
        ...


class PlainPasses:
    """Implements `Passes`, each operation launched by itself.

    Args:
        model: The packed model.
        losses: (K,) sums of the slots' losses, added to.
    """

    def __init__(self, model: PackedModel, losses: Tensor) -> None:
        self.model, self.losses = model, losses
        self.device = losses.device

    def train(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64]) -> None:
        """See `Passes.train`."""
        rows = np.concatenate([part.rows for part, _ in parts])
        counts = [len(part.rows) for part, _ in parts]
        weight = np.repeat(np.array([part.weight for part, _ in parts], np.float32), counts)
        target = torch.from_numpy(labels[rows]).to(self.device)
        losses = cross_entropy(self._forward(parts, tokens, training=True), target, reduction="none")
        torch.autograd.backward((losses * torch.from_numpy(weight).to(self.device)).sum())
        self.losses.index_add_(0, self._slot(parts), losses.detach())

    @torch.no_grad()
    def logits(self, parts: Parts, tokens: Tokens) -> Tensor:
        """See `Passes.logits`."""
        return self._forward(parts, tokens, training=False)

    def forget(self) -> None:
        """See `Passes.forget`."""

    def _forward(self, parts: Parts, tokens: Tokens, *, training: bool) -> Tensor:
        packed = pack_rows(tokens, np.concatenate([part.rows for part, _ in parts]), self.device)
        rows = SlicedRows(_spans(parts, tokens), training=training)
        return self.model.logits(packed, rows, self._slot(parts))

    def _slot(self, parts: Parts) -> Tensor:
        slot = np.repeat([part.slot for part, _ in parts], [len(part.rows) for part, _ in parts])
        return torch.from_numpy(slot).to(self.device)


def _spans(parts: Parts, tokens: Tokens) -> list[Span]:
    spans = []
    token, review = 0, 0
    for part, slot in parts:
        last_token, last_review = token + int(tokens.lengths[part.rows].sum()), review + len(part.rows)
        spans.append(
            Span(
                slot=part.slot,
                tokens=(token, last_token),
                reviews=(review, last_review),
                rank=slot.spec.rank,
                layers=slot.layers,
                scale=slot.scale,
                dropout=slot.spec.dropout,
                head_dropout=slot.spec.head_dropout,
                generator=slot.generator,
            )
        )
        token, review = last_token, last_review
    return spans
