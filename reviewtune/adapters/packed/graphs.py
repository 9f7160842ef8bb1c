"""Passes on a GPU, each shape recorded once as a CUDA graph and replayed from then on.

A pass over short reviews is thousands of small launches: issued one by one, they take the host longer than the card.

Shape letters: `K` slots, `B` reviews of a pass, `C` = 2 classes.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.adapters.packed.grouped_passes import learn
from reviewtune.adapters.packed.model import PackedModel
from reviewtune.adapters.packed.passes import Parts
from reviewtune.adapters.packed.staging import PassShape, buffer_size, stage, views
from reviewtune.data.tokens import Tokens
from reviewtune.tracebacks import reason_of


@dataclass(frozen=True, eq=False)
class Recording:
    """A recorded pass.

    Attributes:
        graph: To replay.
        buffer: Where it reads its rows.
    """

    graph: torch.cuda.CUDAGraph
    buffer: Tensor


class GraphedPasses:
    """Implements `passes.Passes`. A shape's first pass runs as it is, which also compiles; its second is recorded.

    Evaluation is not recorded: its passes are large and come once a leg.

    Args:
        model: The packed model, on a GPU, whose attention has a kernel for reviews of any length.
        losses: (K,) sums of the slots' losses, added to.
    """

    def __init__(self, model: PackedModel, losses: Tensor) -> None:
        self.model, self.losses = model, losses
        self.slots = model.stack.slots
        values = model.stack.values
        # Recordings add to this very tensor.
        values.grad = torch.zeros_like(values)
        self._seen: set[PassShape] = set()
        self._recordings: dict[PassShape, Recording] = {}
        self._refused: set[PassShape] = set()
        self._can_record = True
        self._pool = torch.cuda.graph_pool_handle()

    def train(self, parts: Parts, tokens: Tokens, labels: NDArray[np.int64]) -> None:
        """See `passes.Passes.train`."""
        shape = self._shape(parts, tokens)
        staged = stage(parts, tokens, labels, shape, self.slots)
        recording = self._recording(shape)
        if recording:
            recording.buffer.copy_(staged.buffer, non_blocking=True)
            recording.graph.replay()
            return
        learn(self.model, views(staged.buffer.to(self.losses.device), shape, self.slots), self.losses)
        # Not before: what a pass compiles and tries out must not come while another is recorded.
        self._seen.add(shape)

    def logits(self, parts: Parts, tokens: Tokens) -> Tensor:
        """See `passes.Passes.logits`."""
        shape = self._shape(parts, tokens)
        staged = stage(parts, tokens, None, shape, self.slots)
        inputs = views(staged.buffer.to(self.losses.device), shape, self.slots)
        # With gradients, though none are asked for: without, the layers would be compiled once more.
        logits = self.model.logits(inputs.packed, inputs.rows, inputs.slot).detach()
        return logits[: sum(len(part.rows) for part, _ in parts)]

    def forget(self) -> None:
        """See `passes.Passes.forget`."""
        self._recordings.clear()
        self._pool = torch.cuda.graph_pool_handle()

    def _shape(self, parts: Parts, tokens: Tokens) -> PassShape:
        lengths = tokens.lengths
        return PassShape.around(lengths[np.concatenate([part.rows for part, _ in parts])], int(lengths.max(initial=1)))

    def _recording(self, shape: PassShape) -> Recording | None:
        """Of a shape that has run before; None where it cannot be recorded, now and from then on."""
        if shape in self._recordings:
            return self._recordings[shape]
        if not self._can_record or shape not in self._seen or shape in self._refused:
            return None
        try:
            self._recordings[shape] = self._record(shape)
            return self._recordings[shape]
        except RuntimeError as error:
            self._refused.add(shape)
            if not _is_for_want_of_memory(error):
                self._can_record = False
                reason = reason_of(error)
                warnings.warn(f"passes cannot be recorded ({reason}): training goes on without, slower", stacklevel=2)
        # The error is gone, and with it what it held of the memory.
        self.forget()
        torch.cuda.empty_cache()
        return None

    def _record(self, shape: PassShape) -> Recording:
        buffer = torch.zeros(buffer_size(shape, self.slots), dtype=torch.int32, device=self.losses.device)
        graph = torch.cuda.CUDAGraph()
        # A capture that fails leaves its own stream behind as the current one.
        with (
            torch.cuda.stream(torch.cuda.current_stream()),
            torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"),
        ):
            learn(self.model, views(buffer, shape, self.slots), self.losses)
        return Recording(graph, buffer)


def _is_for_want_of_memory(error: BaseException | None) -> bool:
    """Whether that was the first cause: a capture that it broke off may end with another error."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        error = error.__context__
    return False
