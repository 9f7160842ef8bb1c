"""Base models of known shapes with random weights, and reviews as tokens: what the packing benchmarks share."""

import numpy as np
import torch
from transformers import BertConfig, BertModel, GteConfig, GteModel

from reviewtune.data.reviews import load_reviews
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import default_device, load_tokenizer
from reviewtune.encoders.registry import MAX_LENGTH, resolve_encoder
from reviewtune.schema import FAKE, TEXT

SHAPES = ["stella", "minilm", "tiny"]
"""The last is for a look at whether all runs, on a CPU too."""


def longest(shape: str) -> int:
    """Tokens of a review at most, and of a padded one."""
    return 64 if shape == "tiny" else MAX_LENGTH


def backbone(shape: str, dtype: torch.dtype, *, attention: str | None = None) -> torch.nn.Module:
    """A frozen encoder with random weights on this device.

    Args:
        shape: One of `SHAPES`.
        dtype: Of its weights.
        attention: As transformers names it; None: its own choice.
    """
    if shape == "tiny":
        # More threads than idle cores wait for one another longer than they compute.
        torch.set_num_threads(1)
    torch.manual_seed(0)
    with default_device():
        model = _model(shape).to(dtype).eval()
    for parameter in model.parameters():
        parameter.requires_grad = False
    if attention:
        model.set_attn_implementation(attention)
    return model


def _model(shape: str) -> torch.nn.Module:
    if shape == "minilm":
        config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
        return BertModel(config, add_pooling_layer=False)
    width, layers = (1024, 24) if shape == "stella" else (64, 2)
    return GteModel(
        GteConfig(
            vocab_size=30528, hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64,
            intermediate_size=4 * width, max_position_embeddings=8192, hidden_dropout_prob=0.1,
            attention_probs_dropout_prob=0.0,
            rope_parameters={"rope_type": "linear", "rope_theta": 320000, "factor": 2 ** (2 / 64)},
        )
    )  # fmt: skip


def reviews(data: str, rows: int, length: int, tokenizer: str = "minilm") -> tuple[Tokens, np.ndarray]:
    """Some reviews of a file, drawn at random, as tokens, and which are fake.

    Args:
        data: As `--data` takes it.
        rows: How many, or all where there are fewer.
        length: Tokens of a review at most.
        tokenizer: Whose tokens: an encoder's name, or a folder, which need not hold weights.
    """
    table = load_reviews(data).table
    table = table.take(np.random.default_rng(0).permutation(len(table))[:rows])
    tokens = tokenize(load_tokenizer(resolve_encoder(tokenizer)), table[TEXT].to_pylist(), length)
    return tokens, np.array(table[FAKE].to_pylist())
