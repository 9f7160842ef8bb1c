"""The packed products slot by slot, on slices: for CPUs, where there is nothing to gain by one launch for all.

It draws the very numbers that torch's dropout draws for a slot that trains alone under peft. A single slot's states may
have any shape, such as the padded one of an architecture that runs padded.
Shape letters: `K` slots, `T` tokens, `B` reviews, `R` rank, `D` width.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear

from reviewtune.adapters.packed.rows import LayerAdapters, Span


class SlicedRows:
    """Implements `rows.Rows`.

    Args:
        spans: Of the slots at hand, covering all tokens and reviews.
        training: Whether dropout is on.
    """

    def __init__(self, spans: list[Span], *, training: bool) -> None:
        self.spans, self.training = spans, training
        self._tokens = [stop - start for start, stop in (span.tokens for span in spans)]
        self._reviews = [stop - start for start, stop in (span.reviews for span in spans)]

    def adapted(self, output: Tensor, inputs: Tensor, adapters: LayerAdapters) -> Tensor:
        """See `rows.Rows.adapted`."""
        if not any(adapters.index in span.layers for span in self.spans):
            return output
        pieces = zip(self.spans, self._split(output), self._split(inputs), strict=True)
        return self._joined([self._added(*piece, adapters) for piece in pieces])

    def dropped(self, states: Tensor, probability: float, place: Tensor) -> Tensor:
        """See `rows.Rows.dropped`."""
        del place
        if not self.training or not probability:
            return states
        pieces = zip(self.spans, self._split(states), strict=True)
        return self._joined([self._drop(piece, probability, span) for span, piece in pieces])

    def head_dropped(self, pooled: Tensor) -> Tensor:
        """See `rows.Rows.head_dropped`."""
        pieces = zip(self.spans, torch.split(pooled, self._reviews), strict=True)
        return torch.cat([self._drop(piece, span.head_dropout, span) for span, piece in pieces])

    def _added(self, span: Span, output: Tensor, inputs: Tensor, adapters: LayerAdapters) -> Tensor:
        """A slot's share of the layer's output."""
        if adapters.index not in span.layers:
            return output
        low = linear(self._drop(inputs.to(adapters.down), span.dropout, span), adapters.down[span.slot, : span.rank])
        return output + linear(low, adapters.up[span.slot, :, : span.rank]) * span.scale

    def _drop(self, states: Tensor, probability: float, span: Span) -> Tensor:
        if not self.training or not probability:
            return states
        noise = torch.empty_like(states, memory_format=torch.contiguous_format)
        noise.bernoulli_(1 - probability, generator=span.generator)
        return states * noise.div_(1 - probability)

    def _split(self, states: Tensor) -> tuple[Tensor, ...]:
        return (states,) if len(self.spans) == 1 else torch.split(states, self._tokens, -2)

    def _joined(self, pieces: list[Tensor]) -> Tensor:
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, -2)
