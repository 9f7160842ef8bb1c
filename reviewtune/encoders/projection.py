"""The linear layer that some sentence embeddings end with, as sentence-transformers stores it beside the backbone.

Its folder holds a config.json (`in_features`, `out_features`, `bias`, `activation_function`) and a model.safetensors
with `linear.weight` and `linear.bias`. Stella's sentence embedding is the mean over tokens, then `2_Dense_1024`.
Shape letters: `B` reviews of a batch, `D` hidden width, `E` width of the embedding.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from reviewtune.encoders.failures import explained
from reviewtune.encoders.hub import fetch
from reviewtune.encoders.registry import Encoder

IDENTITY = "torch.nn.modules.linear.Identity"
"""The one activation function that the published projections have."""


class Projection(nn.Linear):
    """(B, E) embeddings of (B, D) pooled states, in float32; frozen."""


def load_projection(encoder: Encoder, width: int, device: torch.device) -> Projection:
    """The projection in the folder `encoder.projection` of a base model.

    Args:
        encoder: Which base model; it has a projection.
        width: D of its backbone.
        device: Where the projection goes.

    Raises:
        EncoderError: Its files are missing, damaged, of another width or with an activation function.
    """
    with explained(encoder, f"projection {encoder.projection}"):
        settings = json.loads(fetch(encoder, f"{encoder.projection}/config.json").read_bytes())
        return _projection(settings, fetch(encoder, f"{encoder.projection}/model.safetensors"), width).to(device)


def _projection(settings: dict[str, object], weights: Path, width: int) -> Projection:
    """The projection of a config.json and its weights.

    Raises:
        ValueError: They do not fit each other or the backbone, or ask for what is not linear.
    """
    activation = settings.get("activation_function", IDENTITY)
    if activation != IDENTITY:
        raise ValueError(f"its activation_function is {activation!r}, and only {IDENTITY} is known")
    tensors = {name.removeprefix("linear."): tensor.float() for name, tensor in load_file(weights).items()}
    rows, columns = tensors["weight"].shape
    if columns != width:
        raise ValueError(f"it takes {columns} values, and the backbone gives {width}")
    projection = Projection(columns, rows, bias="bias" in tensors)
    projection.load_state_dict(tensors)
    return projection.requires_grad_(requires_grad=False)
