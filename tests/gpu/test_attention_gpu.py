"""Packed rows on a GPU: one kernel in bfloat16, groups of like length in float32."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from reviewtune.data.tokens import from_lists
from reviewtune.encoders import packed_attention
from reviewtune.encoders.attention import UNPADDED, hidden_states
from reviewtune.encoders.classifier import linear_layers
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import PackedRows, pack_rows, pad_rows
from reviewtune.encoders.registry import resolve_encoder

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]
GPU = torch.device("cuda", 0)
LENGTHS = [7, 60, 0, 1, 20, 20, 3, 40, 41]


@pytest.fixture
def packed() -> PackedRows:
    rng = np.random.default_rng(0)
    return pack_rows(from_lists([rng.integers(4, 150, length) for length in LENGTHS]), np.arange(len(LENGTHS)), GPU)


@pytest.fixture
def base_of(tiny_base, stella_base) -> Callable[[str], str]:
    return lambda name: str(stella_base() if name == "stella" else tiny_base(name))


def backbone_on(base: str, dtype: torch.dtype) -> nn.Module:
    """With an adapter, and weights with which a token minds its neighbours; the same every time but for the dtype."""
    backbone = load_backbone(resolve_encoder(base), device=GPU).float()
    torch.manual_seed(0)
    get_peft_model(
        backbone, LoraConfig(r=4, target_modules=linear_layers(backbone, "attention"), init_lora_weights=False)
    )
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.15)
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(dtype)
    return backbone


def result(backbone: nn.Module, packed: PackedRows, dtype: torch.dtype, *, padded: bool) -> tuple[Tensor, Tensor]:
    """Hidden states and an adapter's gradient, flat."""
    with torch.autocast("cuda", dtype=dtype, enabled=dtype != torch.float32):
        if padded:
            input_ids, mask = pad_rows(packed, 0)
            states = backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state[packed.row, packed.positions]
        else:
            states = hidden_states(backbone, packed)
    states = states.float()
    torch.autograd.backward((states * torch.linspace(-1, 1, states.numel(), device=GPU).view_as(states)).mean())
    gradients = [value.grad.flatten() for value in backbone.parameters() if value.grad is not None]
    return states.detach(), torch.cat(gradients)


def far(one: Tensor, other: Tensor) -> float:
    """Root of the mean squared difference, relative to the second."""
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("model_type", [*sorted(UNPADDED), "stella", "mpnet", "deberta-v2"])
def test_packed_rows_in_float32_are_as_padded_ones(base_of, packed: PackedRows, model_type: str) -> None:
    base = base_of(model_type)
    expected = result(backbone_on(base, torch.float32), packed, torch.float32, padded=True)
    got = result(backbone_on(base, torch.float32), packed, torch.float32, padded=False)
    torch.testing.assert_close(got[0], expected[0], rtol=0, atol=1e-4)
    assert far(got[1], expected[1]) < 1e-3


@pytest.mark.parametrize("model_type", [*sorted(UNPADDED), "stella"])
def test_packed_rows_in_bfloat16_err_no_more_than_padded_ones(
    base_of, packed: PackedRows, monkeypatch: pytest.MonkeyPatch, model_type: str
) -> None:
    calls = []
    kernel = packed_attention._by_kernel
    monkeypatch.setattr(packed_attention, "_by_kernel", lambda *args: calls.append(1) or kernel(*args))
    base = base_of(model_type)
    exact = result(backbone_on(base, torch.float32), packed, torch.float32, padded=True)
    padded = result(backbone_on(base, torch.bfloat16), packed, torch.bfloat16, padded=True)
    got = result(backbone_on(base, torch.bfloat16), packed, torch.bfloat16, padded=False)
    assert len(calls) == 2
    for ours, theirs, truth in zip(got, padded, exact, strict=True):
        assert far(ours, truth) < 1.5 * far(theirs, truth) + 1e-3
