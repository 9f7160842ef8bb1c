"""Passes on a GPU, each shape recorded once as a CUDA graph and replayed from then on.

A pass over short reviews is thousands of small launches: issued one by one, they take the host longer than the card.

Shape letters: `K` slots, `B` reviews of a pass, `C` = 2 classes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from reviewtune.adapters.packed_model import PackedModel
from reviewtune.adapters.passes import Parts
from reviewtune.adapters.staging import PassInputs, PassShape, buffer_size, stage, views
from reviewtune.data.tokens import Tokens

Key = tuple[PassShape, bool]
"""A shape, and whether it is trained on."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recorded pass.

    Attributes:
        graph: To replay.
        buffer: Where it reads its rows.
        logits: Where it leaves (B, C) logits.
    """

    graph: torch.cuda.CUDAGraph
    buffer: Tensor
    logits: Tensor


class GraphedPasses:
    """Implements `passes.Passes`. A shape's first pass runs as it is, which also compiles; its second is recorded.

    Args:
        model: The packed model, on a GPU; its architecture runs unpadded.
        losses: (K,) sums of the slots' losses, added to.
    """

    def __init__(self, model: PackedModel, losses: Tensor) -> None:
        self.model, self.losses = model, losses
        self.slots = model.stack.slots
        values = model.stack.values
        # Recordings add to this very tensor.
        values.grad = torch.zeros_like(values)
        self._seen: set[Key] = set()
        self._recordings: dict[Key, Recording] = {}
        self._pool = torch.cuda.graph_pool_handle()

    def train(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64]) -> None:
        """See `passes.Passes.train`."""
        self._run(parts, tokens, labels, training=True)

    @torch.no_grad()
    def logits(self, parts: Parts, tokens: Tokens) -> Tensor:
        """See `passes.Passes.logits`."""
        count = sum(len(part.rows) for part, _ in parts)
        return self._run(parts, tokens, None, training=False)[:count].clone()

    def forget(self) -> None:
        """See `passes.Passes.forget`."""
        self._recordings.clear()
        self._pool = torch.cuda.graph_pool_handle()

    def _run(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64] | None, *, training: bool) -> Tensor:
        lengths = tokens.lengths
        # A power of two: hardly ever another one, whichever reviews are at hand.
        longest = 1 << max(7, int(lengths.max(initial=1) - 1).bit_length())
        shape = PassShape.around(lengths[np.concatenate([part.rows for part, _ in parts])], longest)
        staged = stage(parts, tokens, labels, shape, self.slots)
        key = (shape, training)
        if key not in self._seen:
            self._seen.add(key)
            return self._pass(views(staged.to(self.losses.device), shape, self.slots, training=training))
        if key not in self._recordings:
            self._recordings[key] = self._record(shape, training=training)
        recording = self._recordings[key]
        recording.buffer.copy_(staged, non_blocking=True)
        recording.graph.replay()
        return recording.logits

    def _record(self, shape: PassShape, *, training: bool) -> Recording:
        buffer = torch.zeros(buffer_size(shape, self.slots), dtype=torch.int32, device=self.losses.device)
        # All of no weight and within one review, until the first rows are copied in.
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            logits = self._pass(views(buffer, shape, self.slots, training=training))
        return Recording(graph, buffer, logits)

    def _pass(self, inputs: PassInputs) -> Tensor:
        logits = self.model.logits(inputs.packed, inputs.rows, inputs.slot)
        if inputs.rows.training:
            losses = cross_entropy(logits, inputs.labels, reduction="none")
            torch.autograd.backward((losses * inputs.weight).sum())
            counted = torch.where(inputs.weight > 0, losses.detach(), 0.0)
            self.losses.index_add_(0, inputs.slot, counted)
        return logits.detach()
