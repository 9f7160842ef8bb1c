"""Texts to embeddings: mean pooling of a frozen encoder over real tokens, in packed batches, projected where it asks.

Shape letters: `N` reviews, `D` width of an embedding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.encoders.attention import hidden_states, mean_pool, supports_unpadded, takes_reviews_of_any_length
from reviewtune.encoders.batches import token_batches, token_budget
from reviewtune.encoders.compiled import compile_layers
from reviewtune.encoders.half_products import halve
from reviewtune.encoders.loading import compute_dtype, default_device, load_backbone, load_tokenizer
from reviewtune.encoders.packing import on_device, pack_rows
from reviewtune.encoders.projection import Projection, load_projection
from reviewtune.encoders.registry import Encoder

POOLING = "mean"
COMPILE_AFTER = 10_000_000
"""Tokens that a GPU encodes before its layers are compiled: that takes 15 s on an H100, in Stella's shape, and saves as
much in the next so many."""
TOKENISED = 1_024
"""Texts that are made tokens at a time, while a GPU is busy with those before."""
_IDS_ALONE = {"return_attention_mask": False, "return_token_type_ids": False}


class TextEncoder:
    """A loaded encoder that embeds texts.

    Args:
        encoder: Which one. It is held unquantised: encoding reads each weight once a batch, which leaves nothing to
            save.
        device: Default: this process's GPU, or the CPU.
        in_half: Let a CPU that gains by it compute products in bfloat16.
        compile_after: Tokens after which the layers are compiled, on a GPU whose kernel attends reviews of any length.
    """

    def __init__(
        self,
        encoder: Encoder,
        device: torch.device | None = None,
        *,
        in_half: bool = True,
        compile_after: int = COMPILE_AFTER,
    ) -> None:
        self.encoder = encoder
        self.device = device or default_device()
        self.tokenizer = load_tokenizer(encoder)
        backbone = load_backbone(encoder, device=self.device)
        self.backbone = halve(backbone) if in_half else backbone
        config: Any = self.backbone.config
        self.projection: Projection | None = None
        if encoder.projection:
            self.projection = load_projection(encoder, config.hidden_size, self.device)
        can_compile = supports_unpadded(self.backbone) and takes_reviews_of_any_length(self.backbone)
        self._compile_after = compile_after if can_compile else None

    @property
    def width(self) -> int:
        """D: values of an embedding."""
        config: Any = self.backbone.config
        return self.projection.out_features if self.projection else int(config.hidden_size)

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, D) embeddings in the order of `texts`."""
        vectors = torch.empty(len(texts), self.width, device=self.device)
        for start in range(0, len(texts), TOKENISED):
            tokens = tokenize(self.tokenizer, texts[start : start + TOKENISED], self.encoder.max_length)
            self._embed(tokens, vectors[start : start + TOKENISED])
        return vectors.cpu().numpy()

    def _embed(self, tokens: Tokens, vectors: Tensor) -> None:
        """Write the embeddings of N reviews to (N, D) `vectors`; a GPU is given its work and not waited for."""
        self._compile_in_time(len(tokens.ids))
        dtype = compute_dtype(self.device)
        for rows in token_batches(tokens.lengths, token_budget(self.device)):
            packed = pack_rows(tokens, rows, self.device)
            with torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32):
                hidden = hidden_states(self.backbone, packed)
            pooled = mean_pool(hidden, packed)
            vectors[on_device(rows, self.device)] = self.projection(pooled) if self.projection else pooled

    def _compile_in_time(self, tokens: int) -> None:
        """Compile the layers, once, when so many tokens are encoded that those to come are likely as many."""
        if self._compile_after is None:
            return
        if self._compile_after <= 0:
            compile_layers(self.backbone)
            self._compile_after = None
        else:
            self._compile_after -= tokens


def tokenize(tokenizer: Any, texts: Sequence[str], max_length: int) -> Tokens:
    """Token ids of N texts, special tokens included, cut at `max_length` or at the tokenizer's own limit."""
    if not texts:
        return from_lists([])
    limit = min(max_length, tokenizer.model_max_length)
    encoded = tokenizer(list(texts), truncation=True, max_length=limit, padding=False, **_IDS_ALONE)
    return from_lists(encoded["input_ids"])
