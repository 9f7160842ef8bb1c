"""Base models in the layout of the hub's own folders, which transformers does not write."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

STELLA = {
    "_name_or_path": "stella",
    "architectures": ["NewModel"],
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {"AutoConfig": "configuration.NewConfig", "AutoModel": "modeling.NewModel"},
    "classifier_dropout": None,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 96,
    "layer_norm_eps": 1e-12,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "max_position_embeddings": 48,
    "model_type": "new",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pack_qkv": True,
    "pad_token_id": 0,
    "position_embedding_type": "rope",
    "rope_scaling": {"factor": 2.0, "type": "ntk"},
    "rope_theta": 160000,
    "torch_dtype": "float32",
    "transformers_version": "4.41.2",
    "type_vocab_size": 2,
    "unpad_inputs": False,
    "use_memory_efficient_attention": False,
    "vocab_size": 160,
}
"""The published config.json with a small model's sizes."""


@pytest.fixture(scope="session")
def stella_base(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders in Stella's published layout, with random weights large enough for tokens to mind their neighbours.

    Arguments: `prefix` of the weights' names, `projection` values of a `2_Dense_1024` (None: without), and settings
    that differ from the published ones.
    """

    @cache
    def make(prefix: str = "new.", projection: int | None = None, **settings: Any) -> Path:
        folder = tmp_path_factory.mktemp("stella")
        config = {**STELLA, **settings}
        (folder / "config.json").write_text(json.dumps(config))
        generator = torch.Generator().manual_seed(0)
        tensors = {
            prefix + name: torch.randn(shape, generator=generator) * 0.15
            + (name.endswith(("LayerNorm.weight", "ln.weight")))
            for name, shape in shapes(config).items()
        }
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        for file in tiny_bert.glob("tokenizer*"):
            (folder / file.name).write_bytes(file.read_bytes())
        if projection:
            add_projection(folder / "2_Dense_1024", config["hidden_size"], projection, generator)
        return folder

    return make


def is_scale(name: str) -> bool:
    """Whether a tensor multiplies what a LayerNorm gives."""
    return name.endswith(("LayerNorm.weight", "ln.weight"))


def shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The published tensors, the unused pooler too."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    names: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
        "pooler.dense.weight": (width, width),
        "pooler.dense.bias": (width,),
    }
    for layer in range(config["num_hidden_layers"]):
        names |= {
            f"encoder.layer.{layer}.{name}": shape
            for name, shape in {
                "attention.qkv_proj.weight": (3 * width, width),
                "attention.qkv_proj.bias": (3 * width,),
                "attention.o_proj.weight": (width, width),
                "attention.o_proj.bias": (width,),
                "attn_ln.weight": (width,),
                "attn_ln.bias": (width,),
                "mlp.up_gate_proj.weight": (2 * inner, width),
                "mlp.down_proj.weight": (width, inner),
                "mlp.down_proj.bias": (width,),
                "mlp_ln.weight": (width,),
                "mlp_ln.bias": (width,),
            }.items()
        }
    return names


def add_projection(folder: Path, width: int, values: int, generator: torch.Generator) -> None:
    """A sentence-transformers `Dense` module."""
    folder.mkdir()
    settings = {
        "in_features": width,
        "out_features": values,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    (folder / "config.json").write_text(json.dumps(settings))
    weights = {
        "linear.weight": torch.randn(values, width, generator=generator),
        "linear.bias": torch.randn(values, generator=generator),
    }
    save_file(weights, folder / "model.safetensors")
