"""Trained adapters over one base model: they score together and train no more.

Shape letters: `M` adapters, `N` reviews.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from reviewtune.adapters.initial import HEAD_WEIGHT, linear_shapes
from reviewtune.adapters.packed.budget import PackRoom, TokenBudget
from reviewtune.adapters.packed.grouped_passes import GroupedPasses
from reviewtune.adapters.packed.model import PackedModel
from reviewtune.adapters.packed.passes import PlainPasses
from reviewtune.adapters.packed.scorer import PackScorer
from reviewtune.adapters.packed.slot import Placed
from reviewtune.adapters.packed.stack import AdapterStack
from reviewtune.adapters.peft_format import StoredAdapter
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.batches import token_budget
from reviewtune.encoders.classifier import linear_layers
from reviewtune.encoders.loading import compute_dtype


class FixedPack:
    """Adapters at rest.

    Args:
        backbone: A frozen encoder of its own (`encoders.sharing.borrow_backbone`); its modules are changed.
        adapters: M of this base model, in the order of their scores.
    """

    def __init__(self, backbone: nn.Module, adapters: Sequence[StoredAdapter]) -> None:
        device = next(backbone.parameters()).device
        carry = {layer.name for adapter in adapters for layer in adapter.layers}
        layers = linear_shapes(backbone, [name for name in linear_layers(backbone, "all-linear") if name in carry])
        rank = max(adapter.rank for adapter in adapters)
        stack = AdapterStack(
            layers,
            width=adapters[0].tensors[HEAD_WEIGHT].shape[1],
            rank=rank,
            slots=len(adapters),
            device=device,
            dtype=compute_dtype(device),
        )
        stack.values.requires_grad_(False)
        model = PackedModel(backbone, stack, compiled=False)
        passes = (GroupedPasses if model.grouped else PlainPasses)(model, torch.zeros(len(adapters), device=device))
        tokens = token_budget(device)
        room = PackRoom(len(adapters), rank, "all-linear", tokens)
        self._scorer = PackScorer(model, passes, TokenBudget(tokens, tokens, room, passes.forget))
        self._placed: dict[int, Placed] = {}
        for index, adapter in enumerate(adapters):
            stack.write(stack.values[index], adapter.tensors)
            own = frozenset(layers.index(layer) for layer in adapter.layers)
            self._placed[index] = Placed(spec=adapter, layers=own, device=device)

    def scores(self, tokens: Tokens) -> NDArray[np.float64]:
        """(M, N) differences of the logits of fake and genuine."""
        rows = dict.fromkeys(self._placed, np.arange(len(tokens)))
        return np.stack(self._scorer.scores(self._placed, tokens, rows))
