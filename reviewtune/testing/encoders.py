"""What every base model promises, a check each: found, loaded, tokenised, pooled, adapted and embedded alike."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from torch import nn

from reviewtune.adapters.peft_format import add_adapter, load_adapter, save_adapter
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.architectures import ARCHITECTURES
from reviewtune.encoders.attention import hidden_states, mean_pool, supports_unpadded
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers, masked_mean
from reviewtune.encoders.encode import TextEncoder, tokenize
from reviewtune.encoders.loading import Quantisation, load_backbone, load_tokenizer
from reviewtune.encoders.packing import PackedRows, pack_rows, pad_rows
from reviewtune.encoders.registry import Encoder, resolve_encoder
from reviewtune.encoders.vetting import vetted

CPU = torch.device("cpu")
ROUNDING: dict[Quantisation, float] = {"nf4": 1e-5, "int8": 1e-3, "none": 1e-5}
"""Largest difference of what must be equal; int8 rounds to either side of a step, whatever the tenth digit says."""
TEXTS = ["great tent", "", "the rusty hinge broke twice and my neighbour was very sadly " * 3, "a", "must buy"]


@dataclass
class EncoderBench:
    """What the checks try a base model on.

    Attributes:
        name: As `--base-model` takes it: a known name, a folder in the hub's layout, or a hub id.
        folder: An empty folder for what the checks write.
    """

    name: str
    folder: Path

    @cached_property
    def encoder(self) -> Encoder:
        """What the name means."""
        return resolve_encoder(self.name)

    @cached_property
    def tokens(self) -> Tokens:
        """A few texts, the empty one among them."""
        return tokenize(load_tokenizer(self.encoder), TEXTS, self.encoder.max_length)

    @cached_property
    def packed(self) -> PackedRows:
        """The same in one batch without padding."""
        return pack_rows(self.tokens, np.arange(len(TEXTS)), CPU)


def it_is_complete_and_its_name_means_the_same_again(bench: EncoderBench) -> None:
    """Its files are all there, and what is kept of it finds it again."""
    encoder = bench.encoder
    assert vetted(encoder, "nf4") == encoder, "its files are as they were"
    assert resolve_encoder(encoder.name) == encoder, f"{encoder.name} means another one"
    assert encoder.revision, "nothing tells it from other versions of itself"


def no_review_is_longer_than_its_positions(bench: EncoderBench) -> None:
    """Longer reviews are cut, and the states of the longest are finite."""
    encoder = bench.encoder
    assert bench.tokens.lengths.min() >= 1, "a text without words has a token all the same"
    long = tokenize(load_tokenizer(encoder), ["great tent " * 2000], encoder.max_length)
    assert long.lengths[0] <= encoder.max_length, f"{long.lengths[0]} tokens, {encoder.max_length} at most"
    with torch.no_grad():
        states = hidden_states(load_backbone(encoder, device=CPU), pack_rows(long, np.arange(1), CPU))
    assert states.isfinite().all(), "the states of the longest review are finite"


def pooled_states_are_those_of_padded_rows(bench: EncoderBench, how: Quantisation) -> None:
    """Reviews in one row without padding do not see each other."""
    backbone: Any = load_backbone(bench.encoder, quantisation=how, device=CPU)
    input_ids, mask = pad_rows(bench.packed, 0)
    with torch.no_grad():
        padded = masked_mean(backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state, mask)
        pooled = mean_pool(hidden_states(backbone, bench.packed), bench.packed)
    torch.testing.assert_close(pooled, padded, rtol=0, atol=ROUNDING[how])
    kind = backbone.config.model_type
    assert supports_unpadded(backbone) == ARCHITECTURES[kind].unpadded, f"{kind} is known otherwise"


def attention_is_a_part_of_all_linear_layers(bench: EncoderBench) -> None:
    """The places of adapters: query, key, value and output of each layer, and the layers between."""
    backbone: Any = load_backbone(bench.encoder, device=CPU)
    attention, every = set(linear_layers(backbone, "attention")), set(linear_layers(backbone, "all-linear"))
    assert attention < every, sorted(attention - every)
    # Query, key, value and output of each layer, or the first three in one.
    assert len(attention) >= 2 * backbone.config.num_hidden_layers, sorted(attention)
    assert len(every - attention) >= 2 * backbone.config.num_hidden_layers, sorted(every)
    assert not any("pooler" in name or "decoder" in name for name in every), sorted(every)


def an_adapter_trains_and_comes_back(bench: EncoderBench, how: Quantisation, target: str) -> None:
    """Each of its values has a gradient, and its folder gives the same logits."""

    def classifier() -> EncoderClassifier:
        backbone = load_backbone(bench.encoder, quantisation=how, device=CPU)
        return EncoderClassifier(backbone, name=bench.encoder.name)

    folder = Path(mkdtemp(dir=bench.folder))
    model = add_adapter(classifier(), target=target, rank=4, alpha=8, dropout=0.0, rslora=False).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.1)
    logits = model(bench.packed)
    torch.autograd.backward(logits[:, 1].sum())
    for name, parameter in model.named_parameters():
        # Longformer's global attention has no token that uses it.
        if parameter.requires_grad and "_global" not in name:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    save_adapter(model, folder)
    with torch.no_grad():
        loaded = load_adapter(classifier(), folder).eval()(bench.packed)
    torch.testing.assert_close(loaded, logits.detach(), rtol=0, atol=ROUNDING[how])


def embeddings_keep_the_order_of_the_texts(bench: EncoderBench) -> None:
    """(N, D), finite, whichever texts were batched together."""
    embedder = TextEncoder(bench.encoder, CPU, in_half=False)
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.width), vectors.shape
    assert np.isfinite(vectors).all(), "embeddings are finite"
    np.testing.assert_allclose(embedder.embed(TEXTS[::-1])[::-1], vectors, rtol=0, atol=1e-5)


ENCODER_CHECKS: dict[str, Callable[[EncoderBench], None]] = {
    "it_is_complete_and_its_name_means_the_same_again": it_is_complete_and_its_name_means_the_same_again,
    "no_review_is_longer_than_its_positions": no_review_is_longer_than_its_positions,
    **{
        f"pooled_states_are_those_of_padded_rows-{how}": partial(pooled_states_are_those_of_padded_rows, how=how)
        for how in ROUNDING
    },
    "attention_is_a_part_of_all_linear_layers": attention_is_a_part_of_all_linear_layers,
    **{
        f"an_adapter_trains_and_comes_back-{how}-{target}": partial(
            an_adapter_trains_and_comes_back, how=how, target=target
        )
        for how in ROUNDING
        for target in ("attention", "all-linear")
    },
    "embeddings_keep_the_order_of_the_texts": embeddings_keep_the_order_of_the_texts,
}
"""The checks by name."""
