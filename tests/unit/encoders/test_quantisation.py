from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from torch import nn

from reviewtune.adapters.peft_format import add_adapter, load_adapter, save_adapter
from reviewtune.data.tokens import from_lists
from reviewtune.encoders import loading, selftest
from reviewtune.encoders.attention import hidden_states
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers
from reviewtune.encoders.dequantised import dequantise
from reviewtune.encoders.inspection import is_pooler
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import PackedRows, pack_rows, select_rows
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.selftest import check_quantisation, quantisation_error
from reviewtune.encoders.sharing import share_weights
from reviewtune.errors import EncoderError

CPU = torch.device("cpu")
TYPES = ["bert", "roberta", "electra", "deberta-v2", "modernbert", "gte", "t5"]
KINDS = {"nf4": (Linear4bit, torch.uint8), "int8": (Linear8bitLt, torch.int8)}
OPTIONS = {"rank": 4, "alpha": 8, "dropout": 0.0, "target": "all-linear", "rslora": False}


@pytest.fixture
def packed() -> PackedRows:
    rng = np.random.default_rng(0)
    return pack_rows(from_lists([rng.integers(4, 150, length) for length in (5, 30, 7, 30)]), np.arange(4), CPU)


def relative(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("model_type", TYPES)
def test_every_linear_layer_is_quantised_but_those_that_overflow(
    tiny_base, packed: PackedRows, model_type: str, how: str
) -> None:
    encoder = resolve_encoder(str(tiny_base(model_type)))
    backbone = load_backbone(encoder, quantisation=how, device=CPU)
    kind, dtype = KINDS[how]
    for name in linear_layers(backbone, "all-linear"):
        layer = backbone.get_submodule(name)
        whole = model_type == "t5" and name.endswith(".wo")
        assert isinstance(layer, kind) != whole
        assert layer.weight.dtype == (torch.float32 if whole else dtype)
    with torch.no_grad():
        exact = hidden_states(load_backbone(encoder, device=CPU), packed)
        error = relative(hidden_states(backbone, packed), exact)
    assert 1e-6 < error < {"nf4": 0.3, "int8": 0.03}[how]


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("model_type", ["bert", "t5", "gte"])
def test_a_cpu_and_a_gpu_hold_the_same_weights(
    tiny_base, how: str, model_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU differs in the dtype that it computes in; what it quantises must not."""
    held = []
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(loading, "compute_dtype", lambda _, dtype=dtype: dtype)
        held.append(load_backbone(resolve_encoder(str(tiny_base(model_type))), quantisation=how, device=CPU))
    cpu, gpu = ({name: value.detach() for name, value in backbone.named_parameters()} for backbone in held)
    assert {value.dtype for value in cpu.values()} == {torch.float32, KINDS[how][1]}
    assert {value.dtype for value in gpu.values()} - {torch.float32} == {torch.bfloat16, KINDS[how][1]}
    for name, value in cpu.items():
        assert torch.equal(value.to(gpu[name].dtype), gpu[name])
    layers = [[module for module in backbone.modules() if isinstance(module, KINDS[how][0])] for backbone in held]
    for one, other in zip(*layers, strict=True):
        if how == "int8":
            assert torch.equal(one.state.SCB, other.state.SCB)
            continue
        states = one.weight.quant_state, other.weight.quant_state
        assert torch.equal(states[0].absmax, states[1].absmax)
        assert torch.equal(states[0].state2.absmax, states[1].state2.absmax)
        assert torch.equal(states[0].offset, states[1].offset)
    if how == "nf4":
        plain = [[layer.weight.to(torch.bfloat16) for layer in linear_of(dequantise(backbone))] for backbone in held]
        assert all(torch.equal(one, other) for one, other in zip(*plain, strict=True))


def linear_of(backbone: nn.Module) -> list[nn.Linear]:
    return [module for module in backbone.modules() if isinstance(module, nn.Linear)]


@pytest.mark.parametrize("how", ["none", *KINDS])
def test_layers_heed_autocast_as_plain_ones_do(tiny_base, how: str) -> None:
    layer = load_backbone(resolve_encoder(str(tiny_base("gte"))), quantisation=how, device=CPU).layers[0].mlp.up_proj
    inputs = torch.randn(3, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert layer(inputs).dtype == torch.float32
    exact = layer(inputs).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(inputs)
    assert output.dtype == torch.bfloat16
    assert relative(output.detach().float(), exact) < 0.02
    torch.autograd.backward(output.sum())
    assert inputs.grad is not None
    assert inputs.grad.dtype == torch.float32


@pytest.mark.parametrize("how", KINDS)
def test_neighbours_do_not_change_a_reviews_states(packed: PackedRows, how: str) -> None:
    backbone = load_backbone(resolve_encoder("minilm"), quantisation=how, device=CPU)
    with torch.no_grad():
        together = hidden_states(backbone, packed)
        alone = torch.cat([hidden_states(backbone, select_rows(packed, np.array([row]))) for row in range(4)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-3 if how == "int8" else 1e-5)


def test_stella_is_quantised(stella_base: Callable[..., Path], packed: PackedRows) -> None:
    encoder = resolve_encoder(str(stella_base()))
    for how, (kind, _) in KINDS.items():
        backbone = load_backbone(encoder, quantisation=how, device=CPU)
        assert sum(isinstance(module, kind) for module in backbone.modules()) == 2 * 7
        with torch.no_grad():
            assert hidden_states(backbone, packed).isfinite().all()


@pytest.mark.parametrize("how", KINDS)
def test_heads_are_whole_and_an_adapter_trains_on_quantised_layers(tiny_base, packed: PackedRows, how: str) -> None:
    name = str(tiny_base("gte"))
    backbone = load_backbone(resolve_encoder(name), quantisation=how, device=CPU)
    model = add_adapter(EncoderClassifier(backbone, name=name), **OPTIONS)
    head = model.base_model.model.classifier.modules_to_save["default"]
    assert type(head) is nn.Linear
    assert head.weight.dtype == torch.float32
    torch.autograd.backward(model(packed)[:, 1].sum())
    trained = {name: value.grad for name, value in model.named_parameters() if value.requires_grad}
    assert len(trained) == 2 * 7 * 2 + 2
    for name, gradient in trained.items():
        assert gradient is not None
        # B starts at zero, so nothing reaches A yet.
        assert gradient.abs().sum() > 0 or "lora_A" in name


def test_a_saved_int8_adapter_gives_the_same_logits(tiny_base, packed: PackedRows, tmp_path: Path) -> None:
    name = str(tiny_base("bert"))
    model = add_adapter(EncoderClassifier.from_pretrained(name, quantisation="int8").to(CPU), **OPTIONS).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.2)
    save_adapter(model, tmp_path)
    loaded = load_adapter(EncoderClassifier.from_pretrained(name, quantisation="int8").to(CPU), tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(loaded(packed), model(packed))


def test_borrowed_int8_backbones_share_weights_and_scales(tiny_base, packed: PackedRows) -> None:
    backbone = load_backbone(resolve_encoder(str(tiny_base("bert"))), quantisation="int8", device=CPU)
    first = share_weights(backbone)
    with torch.no_grad():
        states = hidden_states(first, packed)
        # One that is borrowed after another has run, and one of one that has run.
        for other in (share_weights(backbone), share_weights(first)):
            assert torch.equal(hidden_states(other, packed), states)
            layers = [each.encoder.layer[0].output.dense for each in (first, other)]
            assert layers[0].state is not layers[1].state
            assert layers[0].state.CB.data_ptr() == layers[1].state.CB.data_ptr() == layers[0].weight.data_ptr()
            assert layers[0].state.SCB.data_ptr() == layers[1].state.SCB.data_ptr()


@pytest.mark.parametrize("how", KINDS)
def test_a_pooler_that_no_file_holds_is_not_quantised(tmp_path: Path, packed: PackedRows, how: str) -> None:
    from transformers import SqueezeBertConfig, SqueezeBertModel

    size = {"vocab_size": 160, "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    squeeze = SqueezeBertModel(SqueezeBertConfig(**size, intermediate_size=64, embedding_size=64))
    assert any(is_pooler(name) for name, _ in squeeze.named_modules())
    weights = {name: tensor for name, tensor in squeeze.state_dict().items() if not is_pooler(name)}
    squeeze.save_pretrained(tmp_path, state_dict=weights)
    backbone = load_backbone(resolve_encoder(str(tmp_path)), quantisation=how, device=CPU)
    assert type(backbone.pooler.dense) is nn.Linear
    assert not any("pooler" in name for name in linear_layers(backbone, "all-linear"))
    with torch.no_grad():
        assert hidden_states(backbone, packed).isfinite().all()


@pytest.mark.parametrize(("how", "low", "high"), [("nf4", 0.01, 0.2), ("int8", 1e-4, 0.05)])
def test_a_quantisation_rounds_but_does_not_change_the_product(how: str, low: float, high: float) -> None:
    error, device = quantisation_error(how)
    assert low < error < high
    assert device in check_quantisation(how)


def test_weights_that_are_left_as_they_are_need_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "quantisation_error", lambda how: pytest.fail("checked"))
    assert check_quantisation("none")


@pytest.mark.parametrize("error", [0.9, float("nan")])
def test_wrong_products_are_refused(monkeypatch: pytest.MonkeyPatch, error: float) -> None:
    monkeypatch.setattr(selftest, "quantisation_error", lambda how: (error, "cuda:0"))
    with pytest.raises(EncoderError, match=r"int8 products are off by .* on cuda:0.*--quantisation none"):
        check_quantisation("int8")


def test_a_library_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(how: str) -> tuple[float, str]:
        raise RuntimeError("no\nkernel")

    monkeypatch.setattr(selftest, "quantisation_error", broken)
    with pytest.raises(EncoderError, match=r"cannot quantise to nf4 here \(no kernel\)"):
        check_quantisation("nf4")
