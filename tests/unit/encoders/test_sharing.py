from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reviewtune.adapters.peft_format import add_adapter
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone, share_weights

IDS = torch.tensor([[2, 10, 11, 12, 3], [2, 20, 21, 22, 3]])


def hidden(backbone: nn.Module) -> Tensor:
    with torch.no_grad():
        states: Tensor = backbone(input_ids=IDS, attention_mask=torch.ones_like(IDS)).last_hidden_state
    return states


@pytest.mark.parametrize("quantisation", ["nf4", "none"])
@pytest.mark.parametrize("model_type", ["bert", "t5", "modernbert"])
def test_a_borrowed_backbone_has_its_own_modules_over_the_same_weights(
    tiny_base, model_type: str, quantisation: str
) -> None:
    backbone = load_backbone(
        resolve_encoder(str(tiny_base(model_type))), quantisation=quantisation, device=torch.device("cpu")
    )
    borrowed = share_weights(backbone)
    assert not set(map(id, backbone.modules())) & set(map(id, borrowed.modules()))
    assert list(map(id, borrowed.parameters())) == list(map(id, backbone.parameters()))
    assert list(map(id, borrowed.buffers())) == list(map(id, backbone.buffers()))
    assert torch.equal(hidden(backbone), hidden(borrowed))


def test_an_adapter_on_one_backbone_is_on_no_other(tiny_bert: Path) -> None:
    encoder = resolve_encoder(str(tiny_bert))
    first = borrow_backbone(encoder, "nf4")
    before = hidden(first)
    options = {"rank": 4, "alpha": 8, "dropout": 0.0, "target": "all-linear", "rslora": False}
    model = add_adapter(EncoderClassifier(first, name=encoder.name), **options)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.ones_(parameter.data)
    assert not torch.equal(hidden(first), before)
    second = borrow_backbone(encoder, "nf4")
    assert not any("lora" in name for name, _ in second.named_modules())
    assert torch.equal(hidden(second), before)


def test_other_weights_in_the_same_folder_are_loaded_anew(tiny_bert: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    base = shutil.copytree(tiny_bert, tmp_path / "base")
    before = hidden(borrow_backbone(resolve_encoder(str(base)), "none"))
    weights = {name: value * 1.5 for name, value in load_file(base / "model.safetensors").items()}
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    assert not torch.equal(hidden(borrow_backbone(resolve_encoder(str(base)), "none")), before)
