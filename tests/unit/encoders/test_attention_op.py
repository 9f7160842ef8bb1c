"""The attention kernels, run by Triton's interpreter on the CPU: as plain attention of each review by itself."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reviewtune.data.tokens import from_lists
from reviewtune.encoders import packed_attention
from reviewtune.encoders.attention import hidden_states
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import pack_rows
from reviewtune.encoders.registry import resolve_encoder

LENGTHS = [7, 60, 0, 1, 130, 64, 65]
HEADS, WIDTH = 2, 24
CASES = [(False, 0), (True, 0), (False, 9), (False, 70)]


@pytest.fixture
def attend() -> Callable[..., tuple[Tensor, Tensor]]:
    pytest.importorskip("triton", minversion="3.9", reason="needs an interpreter that knows this numpy")
    if torch.cuda.is_available():
        pytest.skip("tests/gpu runs the kernels themselves")
    return import_module("reviewtune.encoders.attention_op").attend_reviews


def one_by_one(states: list[Tensor], ends: Tensor, bias: Tensor | None, scale: float, window: int) -> Tensor:
    outputs = []
    for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        query, key, value = (state[0, :, first:last] for state in states)
        scores = query @ key.transpose(1, 2) * scale
        if bias is not None:
            scores = scores + bias[0, :, : last - first, : last - first]
        if window:
            place = torch.arange(last - first, device=ends.device)
            scores = scores.masked_fill((place - place[:, None]).abs() >= window, -torch.inf)
        outputs.append((scores.softmax(-1) @ value).transpose(0, 1))
    return torch.cat(outputs)[None]


def check(attend: Any, *, biased: bool, window: int, token_by_token: bool, dtype: torch.dtype, device: str) -> None:
    """Output and gradients are those of plain attention in float32."""
    generator = torch.Generator().manual_seed(0)
    total = sum(LENGTHS)
    ends = torch.tensor(np.cumsum([0, *LENGTHS]), dtype=torch.int32, device=device)
    shape = (1, total, HEADS, WIDTH) if token_by_token else (1, HEADS, total, WIDTH)
    states = [torch.randn(shape, generator=generator).to(device, dtype) for _ in range(3)]
    states = [(state.transpose(1, 2) if token_by_token else state).requires_grad_() for state in states]
    bias = torch.randn(1, HEADS, 140, 140, generator=generator).to(device) if biased else None
    given = torch.randn(1, total, HEADS, WIDTH, generator=generator).to(device, dtype)
    output, _ = attend(*states, ends, ends.diff().argsort(descending=True).int(), bias, 0.3, window)
    expected = one_by_one([state.float() for state in states], ends, bias, 0.3, window)
    bound = {torch.float32: 1e-5, torch.float16: 0.02, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(output.float(), expected, rtol=0, atol=bound)
    got = torch.autograd.grad(output, states, given)
    wanted = torch.autograd.grad(expected, states, given.float())
    for own, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=bound)


@pytest.mark.parametrize(("biased", "window"), CASES)
@pytest.mark.parametrize(("token_by_token", "dtype"), [(True, torch.float32), (False, torch.float16)])
def test_reviews_attend_each_within_itself(
    attend: Any, biased: bool, window: int, token_by_token: bool, dtype: torch.dtype
) -> None:
    # Not in bfloat16, which numpy lacks and the interpreter gets wrong.
    check(attend, biased=biased, window=window, token_by_token=token_by_token, dtype=dtype, device="cpu")


@pytest.mark.usefixtures("attend")
@pytest.mark.parametrize("model_type", ["bert", "gte", "modernbert", "t5"])
def test_encoders_give_the_same_as_by_groups_of_like_length(
    tiny_base: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, model_type: str
) -> None:
    rng = np.random.default_rng(0)
    reviews = from_lists([rng.integers(4, 60, length) for length in (7, 40, 1, 60)])
    packed = pack_rows(reviews, np.arange(4), torch.device("cpu"))
    backbone = load_backbone(resolve_encoder(str(tiny_base(model_type))), device=torch.device("cpu"))
    torch.manual_seed(0)
    for parameter in backbone.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.15)
    with torch.no_grad():
        expected = hidden_states(backbone, packed)
        calls = []
        kernel = packed_attention._by_kernel
        monkeypatch.setattr(packed_attention, "_has_kernel", lambda query, scores: True)
        monkeypatch.setattr(packed_attention, "_by_kernel", lambda *args: calls.append(1) or kernel(*args))
        got = hidden_states(backbone, packed)
    assert calls
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)
