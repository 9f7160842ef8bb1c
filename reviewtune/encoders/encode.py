"""Texts to embeddings: mean pooling of a frozen encoder over real tokens, in packed batches, projected where it asks.

Shape letters: `N` reviews, `D` width of an embedding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.encoders.attention import hidden_states, mean_pool
from reviewtune.encoders.batches import token_batches, token_budget
from reviewtune.encoders.half_products import halve
from reviewtune.encoders.loading import compute_dtype, default_device, load_backbone, load_tokenizer
from reviewtune.encoders.packing import pack_rows
from reviewtune.encoders.projection import Projection, load_projection
from reviewtune.encoders.registry import Encoder

POOLING = "mean"
_IDS_ALONE = {"return_attention_mask": False, "return_token_type_ids": False}


class TextEncoder:
    """A loaded encoder that embeds texts.

    Args:
        encoder: Which one. It is held unquantised: encoding reads each weight once a batch, which leaves nothing to
            save.
        device: Default: this process's GPU, or the CPU.
        in_half: Let a CPU that gains by it compute products in bfloat16.
    """

    def __init__(self, encoder: Encoder, device: torch.device | None = None, *, in_half: bool = True) -> None:
        self.encoder = encoder
        self.device = device or default_device()
        self.tokenizer = load_tokenizer(encoder)
        backbone = load_backbone(encoder, device=self.device)
        self.backbone = halve(backbone) if in_half else backbone
        config: Any = self.backbone.config
        self.projection: Projection | None = None
        if encoder.projection:
            self.projection = load_projection(encoder, config.hidden_size, self.device)

    @property
    def width(self) -> int:
        """D: values of an embedding."""
        config: Any = self.backbone.config
        return self.projection.out_features if self.projection else int(config.hidden_size)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, D) embeddings in the order of `texts`."""
        tokens = tokenize(self.tokenizer, texts, self.encoder.max_length)
        vectors = np.empty((len(tokens), self.width), dtype=np.float32)
        dtype = compute_dtype(self.device)
        for rows in token_batches(tokens.lengths, token_budget(self.device)):
            packed = pack_rows(tokens, rows, self.device)
            with torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32):
                hidden = hidden_states(self.backbone, packed)
            pooled = mean_pool(hidden, packed)
            vectors[rows] = (self.projection(pooled) if self.projection else pooled).cpu().numpy()
        return vectors


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int) -> Tokens:
    """Token ids of N texts, special tokens included, cut at `max_length` or at the tokenizer's own limit."""
    if not texts:
        return from_lists([])
    limit = min(max_length, tokenizer.model_max_length)
    encoded = tokenizer(list(texts), truncation=True, max_length=limit, padding=False, **_IDS_ALONE)
    return from_lists(encoded["input_ids"])
