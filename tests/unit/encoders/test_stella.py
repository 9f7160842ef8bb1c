"""Stella beside another implementation, written from the architecture's description and not through transformers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from reviewtune.adapters.peft_format import add_adapter
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.attention import hidden_states
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers
from reviewtune.encoders.loading import load_backbone, load_tokenizer
from reviewtune.encoders.packing import pack_rows, pad_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.stella import gte_config, rope_parameters
from reviewtune.errors import EncoderError

CPU = torch.device("cpu")
LENGTHS = [1, 5, 47, 48, 49, 90]
PUBLISHED = {
    "model_type": "new",
    "vocab_size": 30528,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 8192,
    "type_vocab_size": 2,
    "rope_theta": 160000,
    "rope_scaling": {"factor": 2.0, "type": "ntk"},
}


def described(folder: Path, ids: Tensor) -> Tensor:
    """(L, D) hidden states of one review of (L,) ids, by the tensors of the published file.

    Word and first token-type embedding, LayerNorm; then in each layer attention over rotated queries and keys from one
    fused projection and a feed-forward network, `down(up * gelu(gate))` with up and gate from one fused projection,
    each followed by residual and LayerNorm. The rotation of pair i in a head of width E is by position times
    (f * theta)^(-2i / E) / f^(2 / E), and turns value i against value i + E / 2.
    """
    config = json.loads((folder / "config.json").read_text())
    held = {name.removeprefix("new."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    heads, width = config["num_attention_heads"], config["hidden_size"]
    head = width // heads
    factor = config["rope_scaling"]["factor"]
    pair = torch.arange(head // 2, dtype=torch.float64)
    turns = (factor * config["rope_theta"]) ** (-2 * pair / head) / factor ** (2 / head)
    angle = torch.outer(torch.arange(len(ids), dtype=torch.float64), turns)
    cos, sin = angle.cos().float(), angle.sin().float()

    def norm(states: Tensor, name: str) -> Tensor:
        return layer_norm(states, (width,), held[f"{name}.weight"], held[f"{name}.bias"], config["layer_norm_eps"])

    def turned(states: Tensor) -> Tensor:
        low, high = states.split(head // 2, dim=-1)
        return torch.cat([low * cos - high * sin, high * cos + low * sin], dim=-1)

    types = held["embeddings.token_type_embeddings.weight"][0]
    states = norm(held["embeddings.word_embeddings.weight"][ids] + types, "embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}"
        fused = linear(states, held[f"{at}.attention.qkv_proj.weight"], held[f"{at}.attention.qkv_proj.bias"])
        query, key, value = (part.view(len(ids), heads, head).transpose(0, 1) for part in fused.split(width, dim=-1))
        scores = turned(query) @ turned(key).transpose(1, 2) / head**0.5
        mixed = (scores.softmax(-1) @ value).transpose(0, 1).reshape(len(ids), width)
        out = linear(mixed, held[f"{at}.attention.o_proj.weight"], held[f"{at}.attention.o_proj.bias"])
        states = norm(states + out, f"{at}.attn_ln")
        up, gate = linear(states, held[f"{at}.mlp.up_gate_proj.weight"]).chunk(2, dim=-1)
        down = linear(up * gelu(gate), held[f"{at}.mlp.down_proj.weight"], held[f"{at}.mlp.down_proj.bias"])
        states = norm(states + down, f"{at}.mlp_ln")
    return states


def reviews(lengths: list[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(len(lengths))
    return [rng.integers(4, 150, length) for length in lengths]


@pytest.mark.parametrize("prefix", ["", "new."])
def test_stella_is_what_its_description_says(stella_base: Callable[..., Path], prefix: str) -> None:
    folder = stella_base(prefix)
    backbone = load_backbone(resolve_encoder(str(folder)), device=CPU)
    rows = reviews(LENGTHS)
    packed = pack_rows(from_lists(rows), np.arange(len(rows)), CPU)
    expected = torch.cat([described(folder, torch.from_numpy(ids)) for ids in rows])
    input_ids, mask = pad_rows(packed, 0)
    with torch.no_grad():
        alone = [backbone(input_ids=torch.from_numpy(ids)[None]).last_hidden_state[0] for ids in rows]
        padded = backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state[mask.bool()]
        together = hidden_states(backbone, packed)
    for states in (torch.cat(alone), padded, together):
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-5)


def test_the_scaling_of_the_positions_is_seen(stella_base: Callable[..., Path]) -> None:
    folder = stella_base()
    backbone = load_backbone(resolve_encoder(str(folder)), device=CPU)
    ids = torch.from_numpy(reviews([90])[0])
    plain = gte_config({**json.loads((folder / "config.json").read_text()), "rope_scaling": None})
    backbone.rotary_emb = type(backbone.rotary_emb)(plain)
    with torch.no_grad():
        unscaled = backbone(input_ids=ids[None]).last_hidden_state[0]
    assert (unscaled - described(folder, ids)).abs().max() > 1e-2


def test_gradients_of_an_adapter_are_those_of_the_padded_model(stella_base: Callable[..., Path]) -> None:
    name = str(stella_base())
    rows = reviews(LENGTHS)
    packed = pack_rows(from_lists(rows), np.arange(len(rows)), CPU)
    got = []
    for inputs in ((packed,), pad_rows(packed, 0)):
        torch.manual_seed(0)
        backbone = load_backbone(resolve_encoder(name), device=CPU)
        options = {"rank": 4, "alpha": 8, "dropout": 0.0, "target": "attention", "rslora": False}
        model = add_adapter(EncoderClassifier(backbone, name=name), **options).eval()
        torch.autograd.backward(model(*inputs)[:, 1].square().sum())
        got.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
    assert len(got[0]) == 2 * 4 * 2 + 2
    for parameter, gradient in got[1].items():
        torch.testing.assert_close(got[0][parameter], gradient, rtol=1e-4, atol=1e-5, msg=parameter)


def test_the_published_shape_has_434_139_136_parameters() -> None:
    from transformers import GteModel

    with torch.device("meta"):
        backbone = GteModel(gte_config(PUBLISHED))
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 434_139_136
    layers = {name: backbone.get_submodule(name) for name in linear_layers(backbone, "attention")}
    assert len(layers) == 24 * 4
    assert sum(16 * (layer.in_features + layer.out_features) for layer in layers.values()) == 3_145_728
    assert len(linear_layers(backbone, "all-linear")) == 24 * 7


def test_the_tokenizer_is_the_folders_own(stella_base: Callable[..., Path]) -> None:
    tokenizer = load_tokenizer(resolve_encoder(str(stella_base())))
    assert tokenizer("great tent")["input_ids"][0] == tokenizer.cls_token_id
    assert len(tokenizer("great tent")["input_ids"]) == 4


def test_a_review_is_cut_where_the_positions_end(stella_base: Callable[..., Path]) -> None:
    assert resolve_encoder(str(stella_base())).max_length == 48


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layer_norm_type", "rms_norm"),
        ("position_embedding_type", "absolute"),
        ("logn_attention_scale", True),
        ("rope_scaling", {"type": "yarn", "factor": 2.0}),
        ("rope_scaling", {"type": "ntk", "factor": 2.0, "mixed_b": 0.6}),
    ],
)
def test_a_variant_that_is_not_native_is_refused(
    stella_base: Callable[..., Path], tmp_path: Path, name: str, value: object
) -> None:
    folder = shutil.copytree(stella_base(), tmp_path / "base")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, name: value}))
    with pytest.raises(EncoderError, match=name):
        load_backbone(resolve_encoder(str(folder)))


def test_without_scaling_theta_is_taken_as_it_is() -> None:
    settings = {"rope_theta": 500, "hidden_size": 64, "num_attention_heads": 4}
    assert rope_parameters(settings) == {"rope_type": "default", "rope_theta": 500.0}
