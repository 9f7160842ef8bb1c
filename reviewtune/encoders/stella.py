"""Stella (NovaSearch/stella_en_400M_v5) as transformers' own `GteModel`, without the code of its hub folder.

The published folder says `model_type: new` and names a modelling file of its own. It is GTE v1.5 (Zhang et al. 2024,
https://arxiv.org/abs/2407.19669): post-norm layers, a gated GELU, rotary positions with NTK scaling. transformers reads
the weights natively, splitting the fused `qkv_proj` and `up_gate_proj`, but knows that scaling by no name.
"""

from collections.abc import Mapping
from typing import Any

MODEL_TYPE = "new"
"""Of the published config.json; other models of this type have the same architecture."""

SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
"""What a config.json must say."""

OPTIONS = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.0,
    "max_position_embeddings": 2048,
    "type_vocab_size": 1,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
"""What it may say, with the value that the published code takes otherwise."""

ONLY = {
    "layer_norm_type": "layer_norm",
    "position_embedding_type": "rope",
    "logn_attention_scale": False,
    "logn_attention_clip1": False,
}
"""Variants of the published code that `GteModel` does not have: the one value each that it does."""


def gte_config(settings: Mapping[str, Any]) -> Any:
    """The `GteConfig` of a config.json of model type `new`.

    Args:
        settings: Its contents. How the published code would run (`unpad_inputs`, `use_memory_efficient_attention`) does
            not change the numbers and is left out.

    Raises:
        ValueError: It lacks a size, or asks for a variant that transformers does not have.
    """
    from transformers import GteConfig

    if absent := [name for name in SIZES if name not in settings]:
        raise ValueError(f"its config.json of model_type {MODEL_TYPE!r} lacks {absent[0]}")
    for name, value in ONLY.items():
        if settings.get(name, value) != value:
            raise ValueError(f"its config.json has {name}={settings[name]!r}, and only {value!r} is native")
    kept = {name: settings[name] for name in SIZES} | {
        name: settings.get(name, default) for name, default in OPTIONS.items()
    }
    config = GteConfig(**kept, rope_parameters=rope_parameters(settings))
    config.name_or_path = str(settings.get("_name_or_path", ""))
    return config


def rope_parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The rotary parameters that give `rope_scaling: {type: ntk, factor: f}` in transformers' terms, exactly.

    Fixed NTK scaling multiplies theta by f and divides each frequency by f^(2 / head width)
    (https://kexue.fm/archives/9706, formula 6). The second is what transformers calls linear scaling.

    Args:
        settings: Of a config.json; without `rope_scaling` theta is taken as it is.

    Raises:
        ValueError: The scaling is of another kind.
    """
    theta = float(settings.get("rope_theta", 10_000.0))
    scaling = settings.get("rope_scaling")
    if not scaling:
        return {"rope_type": "default", "rope_theta": theta}
    if scaling.get("type") != "ntk" or scaling.get("mixed_b") is not None:
        raise ValueError(f"its config.json has rope_scaling={scaling!r}, and only fixed ntk scaling is known")
    factor = float(scaling["factor"])
    head_width = settings["hidden_size"] // settings["num_attention_heads"]
    return {"rope_type": "linear", "rope_theta": theta * factor, "factor": factor ** (2 / head_width)}
