"""Every encoder keeps the same promises: found, loaded, tokenised, pooled, adapted, stored and embedded alike."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from reviewtune.adapters.peft_format import add_adapter, load_adapter, save_adapter
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.architectures import ARCHITECTURES
from reviewtune.encoders.attention import hidden_states, mean_pool, supports_unpadded
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers, masked_mean
from reviewtune.encoders.encode import TextEncoder, tokenize
from reviewtune.encoders.known import KNOWN, NAMES
from reviewtune.encoders.loading import load_backbone, load_tokenizer
from reviewtune.encoders.packing import PackedRows, pack_rows, pad_rows
from reviewtune.encoders.registry import Encoder, resolve_encoder
from reviewtune.encoders.vetting import vetted

CPU = torch.device("cpu")
BASES = [*sorted(ARCHITECTURES), "stella", "minilm"]
HOW = ["nf4", "int8", "none"]
# int8 rounds a state to the one or the other side of a step, whatever the tenth digit says.
ROUNDING = {"nf4": 1e-5, "int8": 1e-3, "none": 1e-5}
TEXTS = ["great tent", "", "the rusty hinge broke twice and my neighbour was very sadly " * 3, "a", "must buy"]
OPTIONS = {"rank": 4, "alpha": 8, "dropout": 0.0, "rslora": False}


@pytest.fixture(scope="module", params=BASES)
def encoder(request: pytest.FixtureRequest, tiny_base, stella_base: Callable[..., Path]) -> Encoder:
    name = request.param
    if name == "minilm":
        return resolve_encoder(name)
    return resolve_encoder(str(stella_base() if name == "stella" else tiny_base(name)))


@pytest.fixture(scope="module")
def tokens(encoder: Encoder) -> Tokens:
    return tokenize(load_tokenizer(encoder), TEXTS, encoder.max_length)


@pytest.fixture(scope="module")
def packed(tokens: Tokens) -> PackedRows:
    return pack_rows(tokens, np.arange(len(TEXTS)), CPU)


def test_it_is_complete_and_its_name_means_the_same_again(encoder: Encoder) -> None:
    assert vetted(encoder, "nf4") == encoder
    assert resolve_encoder(encoder.name) == encoder
    assert encoder.revision


def test_no_review_is_longer_than_its_positions(encoder: Encoder, tokens: Tokens) -> None:
    assert tokens.lengths.min() >= 1
    long = tokenize(load_tokenizer(encoder), ["great tent " * 2000], encoder.max_length)
    assert long.lengths[0] <= encoder.max_length
    with torch.no_grad():
        states = hidden_states(load_backbone(encoder, device=CPU), pack_rows(long, np.arange(1), CPU))
    assert states.isfinite().all()


@pytest.mark.parametrize("how", HOW)
def test_pooled_states_are_those_of_padded_rows(encoder: Encoder, packed: PackedRows, how: str) -> None:
    backbone = load_backbone(encoder, quantisation=how, device=CPU)
    input_ids, mask = pad_rows(packed, 0)
    with torch.no_grad():
        padded = masked_mean(backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state, mask)
        pooled = mean_pool(hidden_states(backbone, packed), packed)
    torch.testing.assert_close(pooled, padded, rtol=0, atol=ROUNDING[how])
    known = ARCHITECTURES[backbone.config.model_type]
    assert supports_unpadded(backbone) == known.unpadded


def test_attention_is_a_part_of_all_linear_layers(encoder: Encoder) -> None:
    backbone = load_backbone(encoder, device=CPU)
    attention, every = (set(linear_layers(backbone, target)) for target in ("attention", "all-linear"))
    assert attention < every
    # Query, key, value and output of each layer, or the first three in one.
    assert len(attention) >= 2 * backbone.config.num_hidden_layers
    assert len(every - attention) >= 2 * backbone.config.num_hidden_layers
    assert not any("pooler" in name or "decoder" in name for name in every)


@pytest.mark.parametrize("target", ["attention", "all-linear"])
@pytest.mark.parametrize("how", HOW)
def test_an_adapter_trains_and_comes_back_from_its_folder(
    encoder: Encoder, packed: PackedRows, tmp_path: Path, how: str, target: str
) -> None:
    def classifier() -> EncoderClassifier:
        return EncoderClassifier(load_backbone(encoder, quantisation=how, device=CPU), name=encoder.name)

    model = add_adapter(classifier(), target=target, **OPTIONS).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.1)
    logits = model(packed)
    torch.autograd.backward(logits[:, 1].sum())
    for name, parameter in model.named_parameters():
        # Longformer's global attention has no token that uses it.
        if parameter.requires_grad and "_global" not in name:
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()
    save_adapter(model, tmp_path)
    with torch.no_grad():
        loaded = load_adapter(classifier(), tmp_path).eval()(packed)
    torch.testing.assert_close(loaded, logits.detach(), rtol=0, atol=ROUNDING[how])


def test_embeddings_keep_the_order_of_the_texts(encoder: Encoder) -> None:
    embedder = TextEncoder(encoder, CPU)
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.width)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(embedder.embed(TEXTS[::-1])[::-1], vectors, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_name_is_pinned_to_a_commit(name: str) -> None:
    encoder = resolve_encoder(name)
    assert (encoder.name, encoder.source) == (name, KNOWN[name].hub_id)
    assert encoder.hub_revision is not None
    assert len(encoder.hub_revision) == 40
    assert int(encoder.hub_revision, 16)
    assert resolve_encoder(KNOWN[name].hub_id) == encoder
    other = resolve_encoder(f"{KNOWN[name].hub_id}@main")
    assert (other.hub_revision, other.projection) == ("main", encoder.projection)
    assert name in NAMES
