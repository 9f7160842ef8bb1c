import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import AutoPeftModel, PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from reviewtune.adapters.peft_format import add_adapter, load_adapter, save_adapter
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers
from reviewtune.encoders.known import MINILM_ID, MINILM_REVISION
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import pack_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import ArtifactError, EncoderError

OPTIONS = {"rank": 4, "alpha": 8, "dropout": 0.1, "target": "attention", "rslora": False}


def classifier(base: Path, quantisation: str = "nf4") -> EncoderClassifier:
    return EncoderClassifier.from_pretrained(str(base), quantisation=quantisation)


def adapted(base: Path, quantisation: str = "nf4", **options: object) -> PeftModel:
    """With an adapter that does something: peft initialises B with zeros."""
    model = add_adapter(classifier(base, quantisation), **{**OPTIONS, **options})
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator).to(parameter.device)
    return model


def logits(model: nn.Module) -> Tensor:
    tokens = from_lists([[2, 9, 8, 3], [2, 30, 31, 32, 33, 3]])
    model.eval()
    with torch.no_grad():
        output: Tensor = model(pack_rows(tokens, np.arange(2), next(model.parameters()).device))
    return output


@pytest.fixture(scope="module")
def saved(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tensor]:
    folder = tmp_path_factory.mktemp("adapter")
    model = adapted(tiny_bert)
    save_adapter(model, folder)
    return folder, logits(model)


@pytest.fixture
def copied(saved: tuple[Path, Tensor], tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved[0], tmp_path / "copy"))


def test_the_folder_holds_the_adapter_and_the_head_as_safetensors(saved: tuple[Path, Tensor]) -> None:
    folder, _ = saved
    assert {file.name for file in folder.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    tensors = load_file(folder / "adapter_model.safetensors")
    assert sum(tensor.numel() for tensor in tensors.values()) == 2 * 4 * 4 * (64 + 64) + 2 * 64 + 2


def test_a_loaded_adapter_gives_the_same_logits(saved: tuple[Path, Tensor], tiny_bert: Path) -> None:
    folder, expected = saved
    assert torch.equal(logits(load_adapter(classifier(tiny_bert), folder)), expected)


def test_peft_loads_the_folder_onto_the_classifier(saved: tuple[Path, Tensor], tiny_bert: Path) -> None:
    folder, expected = saved
    assert torch.equal(logits(PeftModel.from_pretrained(classifier(tiny_bert), folder)), expected)


def test_pefts_auto_model_loads_the_folder(tiny_bert: Path, tmp_path: Path) -> None:
    model = adapted(tiny_bert, quantisation="none")
    save_adapter(model, tmp_path)
    loaded = AutoPeftModel.from_pretrained(tmp_path, import_allowlist=["reviewtune.encoders.classifier"])
    assert torch.equal(logits(loaded), logits(model))


def test_the_folder_names_the_base_model_as_the_hub_does_and_loads_offline(tmp_path: Path) -> None:
    model = add_adapter(EncoderClassifier.from_pretrained("minilm"), **OPTIONS)
    save_adapter(model, tmp_path)
    stored = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (stored["base_model_name_or_path"], stored["revision"]) == (MINILM_ID, MINILM_REVISION)
    save_adapter(load_adapter(EncoderClassifier.from_pretrained("minilm"), tmp_path), tmp_path / "again")
    assert json.loads((tmp_path / "again" / "adapter_config.json").read_text()) == stored
    loaded = AutoPeftModel.from_pretrained(tmp_path, import_allowlist=["reviewtune.encoders.classifier"])
    assert loaded.get_base_model().name == "minilm"
    assert torch.equal(logits(loaded), logits(model))


def test_pefts_auto_model_loads_the_folder_onto_quantised_weights(saved: tuple[Path, Tensor]) -> None:
    folder, expected = saved
    loaded = AutoPeftModel.from_pretrained(
        folder, import_allowlist=["reviewtune.encoders.classifier"], quantisation="nf4"
    )
    assert torch.equal(logits(loaded), expected)


@pytest.mark.parametrize("trainable", [True, False])
def test_a_loaded_adapter_trains_on_request(saved: tuple[Path, Tensor], tiny_bert: Path, trainable: bool) -> None:
    model = load_adapter(classifier(tiny_bert), saved[0], trainable=trainable)
    names = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert any("lora_A" in name for name in names) == trainable
    assert any("classifier" in name for name in names) == trainable


@pytest.mark.parametrize("target", ["attention", "all-linear"])
@pytest.mark.parametrize("model_type", ["bert", "roberta", "t5", "modernbert"])
def test_the_adapter_sits_on_the_layers_of_its_target(tiny_base, model_type: str, target: str) -> None:
    base = tiny_base(model_type)
    expected = linear_layers(load_backbone(resolve_encoder(str(base))), target)
    model = add_adapter(classifier(base), **{**OPTIONS, "target": target})
    layers = {name.split(".lora_A")[0] for name, _ in model.named_parameters() if "lora_A" in name}
    assert layers == {f"base_model.model.backbone.{name}" for name in expected}
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all("lora_" in name or ".classifier.modules_to_save" in name for name in trained)
    assert logits(model).shape == (2, 2)


@pytest.mark.parametrize(("rslora", "scale"), [(False, 2.0), (True, 4.0)])
def test_the_adapters_product_is_scaled(tiny_bert: Path, rslora: bool, scale: float) -> None:
    model = add_adapter(classifier(tiny_bert), **{**OPTIONS, "rslora": rslora})
    scales = {module.scaling["default"] for module in model.modules() if isinstance(module, LoraLayer)}
    assert scales == {scale}


def test_a_base_model_without_such_layers_is_refused(tiny_bert: Path) -> None:
    backbone = nn.Embedding(10, 64)
    backbone.config = type("Config", (), {"hidden_size": 64})()
    with pytest.raises(EncoderError, match="finds no linear layer"):
        add_adapter(EncoderClassifier(backbone, name="words"), **OPTIONS)


def refusal(folder: Path, base: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        load_adapter(classifier(base), folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_tensors_that_the_file_lacks_are_not_made_up(copied: Path, tiny_bert: Path) -> None:
    weights = load_file(copied / "adapter_model.safetensors")
    gone = next(name for name in weights if "classifier" in name)
    del weights[gone]
    save_file(weights, copied / "adapter_model.safetensors")
    assert gone in refusal(copied, tiny_bert)


def test_an_adapter_of_another_base_model_is_refused(copied: Path, tiny_base) -> None:
    refusal(copied, tiny_base("t5"))


def test_an_adapter_of_another_rank_is_refused(copied: Path, tiny_bert: Path) -> None:
    config = json.loads((copied / "adapter_config.json").read_text())
    (copied / "adapter_config.json").write_text(json.dumps({**config, "r": 8}))
    refusal(copied, tiny_bert)


@pytest.mark.parametrize("config", ["", "{", "[]", "{}", '{"peft_type": "NONE"}'])
def test_a_damaged_configuration_is_refused(copied: Path, tiny_bert: Path, config: str) -> None:
    (copied / "adapter_config.json").write_text(config)
    refusal(copied, tiny_bert)
