"""One copy of a base model's frozen weights a process, lent to trial after trial."""

import copy
from functools import lru_cache

from torch import nn

from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.quantisation import Quantisation, shared_state
from reviewtune.encoders.registry import Encoder


def borrow_backbone(encoder: Encoder, quantisation: Quantisation) -> nn.Module:
    """A backbone of its own over weights that the process holds once.

    Only the modules are copied: an adapter put on one backbone is on no other, and nothing has to be taken off again.

    Args:
        encoder: Which one. The process keeps the weights of the last one asked for.
        quantisation: How the weights are held.

    Raises:
        EncoderError: As `load_backbone` does.
    """
    return share_weights(_loaded(encoder, quantisation))


def share_weights(backbone: nn.Module) -> nn.Module:
    """A copy of the modules of a frozen `backbone` around the very same parameters and buffers."""
    tensors = [*backbone.parameters(), *backbone.buffers()]
    # deepcopy takes what it finds in its memo for a copy it has already made.
    shared = {id(tensor): tensor for tensor in tensors}
    for module in backbone.modules():
        shared |= {id(state): state for state in shared_state(module)}
    return copy.deepcopy(backbone, shared)


@lru_cache(maxsize=1)
def _loaded(encoder: Encoder, quantisation: Quantisation) -> nn.Module:
    return load_backbone(encoder, quantisation=quantisation)
