"""T5's encoder: out of a whole checkpoint or alone, the same as transformers' own padded model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration

from reviewtune.data.tokens import from_lists
from reviewtune.encoders.attention import hidden_states, mean_pool
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers, masked_mean
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import pack_rows, pad_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import EncoderError

CPU = torch.device("cpu")
LENGTHS = [1, 4, 33, 33, 128, 200]
FLAN_T5_LARGE = {
    "vocab_size": 32128,
    "d_model": 1024,
    "d_kv": 64,
    "d_ff": 2816,
    "num_layers": 24,
    "num_heads": 16,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}


@pytest.fixture(scope="module")
def whole(tiny_base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with its decoder, whose weights are large enough for tokens to mind their neighbours."""
    folder = tmp_path_factory.mktemp("t5")
    torch.manual_seed(0)
    config = T5Config(vocab_size=160, d_model=64, d_kv=16, d_ff=96, num_layers=2, num_heads=4, dense_act_fn="gelu_new")
    model = T5ForConditionalGeneration(config)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.15)
    model.save_pretrained(folder)
    for file in tiny_base("t5").glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def alone(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without the decoder's tensors."""
    folder = tmp_path_factory.mktemp("encoder")
    weights = {name: tensor for name, tensor in load_file(whole / "model.safetensors").items() if "decoder" not in name}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_bytes((whole / file).read_bytes())
    return folder


def rows(lengths: list[int]) -> list[np.ndarray]:
    rng = np.random.default_rng(len(lengths))
    return [rng.integers(4, 150, length) for length in lengths]


@pytest.mark.parametrize("folder", ["whole", "alone"])
def test_states_and_means_are_those_of_transformers_padded_model(
    request: pytest.FixtureRequest, whole: Path, folder: str
) -> None:
    reference = T5EncoderModel.from_pretrained(whole, attn_implementation="eager").eval()
    backbone = load_backbone(resolve_encoder(str(request.getfixturevalue(folder))), device=CPU)
    packed = pack_rows(from_lists(rows(LENGTHS)), np.arange(len(LENGTHS)), CPU)
    input_ids, mask = pad_rows(packed, 0)
    with torch.no_grad():
        expected = reference(input_ids=input_ids, attention_mask=mask).last_hidden_state
        got = hidden_states(backbone, packed)
        torch.testing.assert_close(got, expected[mask.bool()], rtol=0, atol=1e-5)
        torch.testing.assert_close(mean_pool(got, packed), masked_mean(expected, mask), rtol=0, atol=1e-5)
        for row, ids in enumerate(rows(LENGTHS)):
            one = reference(input_ids=torch.from_numpy(ids)[None]).last_hidden_state[0]
            torch.testing.assert_close(got[packed.row == row], one, rtol=0, atol=1e-5)


def test_padding_takes_no_part_in_the_mean(whole: Path) -> None:
    model = EncoderClassifier.from_pretrained(str(whole)).eval().cpu().float()
    ids = torch.from_numpy(rows([30])[0])[None]
    padded = torch.cat([ids, torch.zeros(1, 100, dtype=torch.int64)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(model(padded, (padded > 0).long()), model(ids), rtol=0, atol=1e-5)


def test_no_decoder_is_held(whole: Path) -> None:
    backbone = load_backbone(resolve_encoder(str(whole)), device=CPU)
    held = sum(parameter.numel() for parameter in backbone.parameters())
    stored = load_file(whole / "model.safetensors")
    assert held == sum(value.numel() for name, value in stored.items() if name.startswith(("shared", "encoder")))
    assert not any("decoder" in name or "lm_head" in name for name, _ in backbone.named_modules())


def test_a_checkpoint_that_lacks_a_tensor_of_the_encoder_is_refused(alone: Path, tmp_path: Path) -> None:
    weights = load_file(alone / "model.safetensors")
    del weights["encoder.block.1.layer.0.SelfAttention.k.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_bytes((alone / "config.json").read_bytes())
    with pytest.raises(EncoderError, match=r"lack 1 tensors of T5EncoderModel, .*SelfAttention\.k\.weight"):
        load_backbone(resolve_encoder(str(tmp_path)))


def test_the_adapter_of_flan_t5_large_sits_on_the_encoder_alone() -> None:
    with torch.device("meta"):
        backbone = T5EncoderModel(T5Config(**FLAN_T5_LARGE))
    attention = {name: backbone.get_submodule(name) for name in linear_layers(backbone, "attention")}
    assert {name.rpartition(".")[2] for name in attention} == set("qkvo")
    assert sum(16 * (layer.in_features + layer.out_features) for layer in attention.values()) == 3_145_728
    others = set(linear_layers(backbone, "all-linear")) - set(attention)
    assert len(others) == 24 * 3
    assert {name.rpartition(".")[2] for name in others} == {"wi_0", "wi_1", "wo"}


def test_positions_do_not_end(whole: Path) -> None:
    assert "max_position_embeddings" not in json.loads((whole / "config.json").read_text())
    assert resolve_encoder(str(whole)).max_length == 512
