"""The files of an adapter or a head ask for nothing but what it is."""

from typing import Any

import pytest

from reviewtune.adapters.stored_config import read_config
from tests.unit.hostile.conftest import CATASTROPHIC, changed, outcome


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"r": 10**9}, "r=1000000000: input should be less than or equal to 65536"),
        ({"r": 60_000}, "not of [60000, 64] as for r=60000"),
        ({"r": 0}, "r=0"),
        ({"r": 2.5}, "r=2.5"),
        ({"lora_alpha": 10**12}, "lora_alpha=1000000000000"),
        ({"lora_dropout": 1.0}, "lora_dropout=1.0"),
        ({"target_modules": CATASTROPHIC}, "target_modules='(((("),
        ({"target_modules": [CATASTROPHIC]}, "target_modules.0='(((("),
        ({"target_modules": ["query", "nowhere"]}, "target_modules='nowhere': the base model has no linear layer"),
        ({"target_modules": ["LayerNorm"]}, "has no linear layer of that name"),
        ({"target_modules": []}, "target_modules=[]"),
        ({"target_modules": None}, "target_modules=None"),
        ({"exclude_modules": CATASTROPHIC}, "exclude_modules='(((("),
        ({"layers_pattern": ".*"}, "layers_pattern='.*': only peft's default is read"),
        ({"layers_to_transform": [0]}, "layers_to_transform=[0]"),
        ({"rank_pattern": {CATASTROPHIC: 8}}, "rank_pattern={"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa'"),
        ({"use_dora": True}, "use_dora=True"),
        ({"auto_mapping": {"base_model_class": "system", "parent_library": "os"}}, "auto_mapping={"),
        ({"modules_to_save": ["backbone"]}, "modules_to_save.0='backbone'"),
        ({"peft_type": "IA3"}, "peft_type='IA3'"),
        ({"megatron_config": {"a": 1}, "megatron_core": "os"}, "megatron"),
        ({"layer_replication": [[0, 10**9]]}, "layer_replication"),
        ({"surprise": {"a": 1}}, "surprise"),
    ],
)
def test_an_adapters_configuration_asks_for_nothing_else(copy: Any, values: dict[str, Any], said: str) -> None:
    folder = copy("qlora")
    changed(folder, "adapter_config.json", **values)
    assert said in outcome(folder)


def test_a_configuration_of_another_version_of_peft_is_read(copy: Any) -> None:
    folder = copy("qlora")
    changed(folder, "adapter_config.json", of_a_later_version=None, off=False, empty={}, peft_version="9.0")
    assert outcome(folder) == ""
    assert read_config(folder / "adapter_config.json").r == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"depth": 10**9}, "depth=1000000000"),
        ({"width": 10**9}, "width=1000000000"),
        ({"width": 16}, "size mismatch"),
        ({"dropout": float("nan")}, "dropout=nan"),
        ({"epochs": "3"}, "epochs='3'"),
    ],
)
def test_an_mlp_is_of_the_size_that_it_says(copy: Any, values: dict[str, Any], said: str) -> None:
    folder = copy("mlp")
    changed(folder, "mlp.json", **values)
    assert said in outcome(folder)


@pytest.mark.parametrize("base", [{"quantisation": "int3"}, {"base_model": 3}, {"base_model": "a\nb"}, {"more": 1}])
def test_the_base_model_of_an_adapter_is_one_line(copy: Any, base: dict[str, Any]) -> None:
    folder = copy("qlora")
    changed(folder, "base.json", **base)
    assert "base.json is missing or damaged" in outcome(folder)


def test_tensors_of_another_kind_are_refused(copy: Any) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = copy("mlp")
    weights = load_file(folder / "mlp.safetensors")
    save_file({name: value.to(torch.int64) for name, value in weights.items()}, folder / "mlp.safetensors")
    assert "holds torch.int64" in outcome(folder)
    save_file({**weights, "mean": torch.zeros(3)}, folder / "mlp.safetensors")
    assert "size mismatch" in outcome(folder)
