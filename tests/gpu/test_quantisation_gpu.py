"""Quantised base models on a GPU: what they take of it, what they round, and that an adapter trains on them."""

import gc

import numpy as np
import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from torch import nn

from reviewtune.adapters.peft_format import add_adapter
from reviewtune.data.tokens import from_lists
from reviewtune.encoders import loading
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.configs import encoder_class, read_config
from reviewtune.encoders.inspection import inspect
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.memory import free_bytes, weight_bytes
from reviewtune.encoders.packing import PackedRows, pack_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.selftest import check_quantisation
from reviewtune.encoders.sharing import share_weights
from reviewtune.encoders.vetting import vetted
from reviewtune.errors import EncoderError

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]
GPU = torch.device("cuda", 0)
HOW = ["nf4", "int8", "none"]
BASES = ["bert", "roberta", "electra", "deberta-v2", "modernbert", "gte", "t5", "stella"]
OPTIONS = {"rank": 8, "alpha": 8, "dropout": 0.0, "target": "all-linear", "rslora": False}


@pytest.fixture
def packed() -> PackedRows:
    rng = np.random.default_rng(0)
    return pack_rows(from_lists([rng.integers(4, 150, length) for length in (5, 30, 7, 30, 1)]), np.arange(5), GPU)


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest, tiny_base, stella_base) -> str:
    return str(stella_base() if request.param == "stella" else tiny_base(request.param))


@pytest.mark.parametrize("how", HOW)
def test_a_quantisation_works_here(how: str) -> None:
    assert check_quantisation(how)


def logits(model: nn.Module, packed: PackedRows) -> torch.Tensor:
    with torch.autocast("cuda", dtype=torch.bfloat16):
        output: torch.Tensor = model(packed)
    return output


@pytest.mark.parametrize("how", HOW)
def test_a_base_model_passes_and_an_adapter_learns_on_it(base: str, packed: PackedRows, how: str) -> None:
    encoder = resolve_encoder(base)
    assert vetted(encoder, how) == encoder
    torch.manual_seed(0)
    backbone = load_backbone(encoder, quantisation=how, device=GPU)
    model = add_adapter(EncoderClassifier(share_weights(backbone), name=base), **OPTIONS)
    labels = torch.tensor([0, 1, 0, 1, 1], device=GPU)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(logits(model, packed), labels)
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_arithmetic_is_what_the_gpu_gives_away(stella_base) -> None:
    sizes = {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8, "num_hidden_layers": 8}
    encoder = resolve_encoder(str(stella_base(**sizes)))
    config = read_config(encoder)
    found = inspect(encoder, encoder_class(encoder, config), config)
    for how in HOW:
        gc.collect()
        before = torch.cuda.memory_allocated()
        backbone = load_backbone(encoder, quantisation=how, device=GPU)
        gc.collect()
        taken = torch.cuda.memory_allocated() - before
        assert taken == pytest.approx(weight_bytes(found, how, torch.bfloat16), rel=0.05)
        del backbone


@pytest.mark.parametrize("model_type", ["bert", "t5", "stella"])
def test_a_gpu_holds_the_codes_that_a_cpu_does(tiny_base, stella_base, model_type: str) -> None:
    """Scales are rounded by other kernels there, so they agree but for the last of their eight bits."""
    encoder = resolve_encoder(str(stella_base() if model_type == "stella" else tiny_base(model_type)))
    held = [load_backbone(encoder, quantisation="nf4", device=device) for device in (torch.device("cpu"), GPU)]
    layers = [[module for module in backbone.modules() if isinstance(module, Linear4bit)] for backbone in held]
    assert layers[0]
    for cpu, gpu in zip(*layers, strict=True):
        assert torch.equal(cpu.weight.data, gpu.weight.data.cpu())
        values = [dequantize_4bit(each.weight.data, each.weight.quant_state).float().cpu() for each in (cpu, gpu)]
        torch.testing.assert_close(*values, rtol=0.02, atol=1e-4)


def test_a_base_model_that_does_not_fit_is_refused(stella_base, monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_bytes(GPU)
    assert free is not None
    assert 0 < free <= torch.cuda.get_device_properties(GPU).total_memory
    monkeypatch.setattr(loading, "free_bytes", lambda device: 10_000_000)
    with pytest.raises(EncoderError, match=r"does not fit: .* weights x 0\.516 bytes \(nf4\)"):
        load_backbone(resolve_encoder(str(stella_base())), quantisation="nf4", device=GPU)
