"""What a GPU runs, compiled on a CPU: grouped products in bfloat16, one attention kernel for reviews of any length."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, library

from reviewtune.adapters.packed import grouped_passes, pack
from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.grouped_passes import GroupedPasses
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.staging import PassInputs, PassShape, stage, views
from reviewtune.encoders import packed_attention
from reviewtune.encoders.compiled import compile_layers
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.registry import resolve_encoder
from tests.unit.adapters.packed.conftest import TEST, TRAIN, finish, make_params

SPECS = [
    make_params(dropout=0.1),
    make_params(rank=8, batch_size=16, target="all-linear"),
    make_params(rank=1, batch_size=5, epochs=1),
]


def scores_of(query: Tensor, key: Tensor, ends: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """(H, T, T) shares of attention, each review's within itself."""
    token = torch.arange(len(query))
    review = torch.bucketize(token, ends[1:].long(), right=True)
    scores = torch.einsum("qhe,khe->hqk", query, key) * scale
    if bias is not None:
        place = token - ends[review]
        scores = scores + bias[0][:, place[:, None], place]
    return scores.masked_fill(review[:, None] != review, -1e9).softmax(-1)


@library.custom_op("reviewtune_tests::attend", mutates_args=())
def attend(query: Tensor, key: Tensor, value: Tensor, ends: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    return torch.einsum("hqk,khe->qhe", scores_of(query, key, ends, bias, scale), value).contiguous()


@library.custom_op("reviewtune_tests::attend_backward", mutates_args=())
def attend_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, ends: Tensor, bias: Tensor | None, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    shares = scores_of(query, key, ends, bias, scale)
    of_shares = torch.einsum("qhe,khe->hqk", gradient, value)
    of_scores = shares * (of_shares - (of_shares * shares).sum(-1, keepdim=True)) * scale
    return (
        torch.einsum("hqk,khe->qhe", of_scores, key).contiguous(),
        torch.einsum("hqk,qhe->khe", of_scores, query).contiguous(),
        torch.einsum("hqk,qhe->khe", shares, gradient).contiguous(),
    )


def remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.scale = inputs
    ctx.save_for_backward(*tensors)


attend.register_fake(lambda query, *_: torch.empty_like(query))
attend_backward.register_fake(lambda gradient, query, key, value, *_: tuple(map(torch.empty_like, (query, key, value))))
attend.register_autograd(
    lambda ctx, gradient: (
        *attend_backward(gradient.contiguous(), *ctx.saved_tensors, ctx.scale),
        *(None, None, None),
    ),
    setup_context=remember,
)


def rounded_inputs(self: GroupedPasses, parts: Any, tokens: Any, labels: Any) -> PassInputs:
    """As recorded passes have them: a few sizes, whichever lengths the reviews have."""
    lengths = tokens.lengths
    shape = PassShape.around(lengths[np.concatenate([part.rows for part, _ in parts])], int(lengths.max()))
    return views(stage(parts, tokens, labels, shape, self.slots).buffer, shape, self.slots)


def rounded_logits(self: GroupedPasses, parts: Any, tokens: Any) -> Tensor:
    inputs = rounded_inputs(self, parts, tokens, None)
    logits = self.model.logits(inputs.packed, inputs.rows, inputs.slot).detach()
    return logits[: sum(len(part.rows) for part, _ in parts)]


@pytest.fixture
def like_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_attention, "KERNEL_DEVICE", "cpu")
    monkeypatch.setattr(packed_attention, "HAS_TRITON", True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(
        packed_attention,
        "_by_kernel",
        lambda states, layout, scores: attend(
            *(state[0].transpose(0, 1).contiguous() for state in states),
            # As the kernel, it reads how many reviews there are from both.
            layout.boundaries + 0 * layout.longest_first.sum(),
            scores.bias,
            scores.scale or states[0].shape[3] ** -0.5,
        )[None],
    )
    monkeypatch.setattr(pack, "compute_dtype", lambda device: torch.bfloat16)
    monkeypatch.setattr(grouped_passes.GroupedPasses, "_inputs", rounded_inputs)
    monkeypatch.setattr(grouped_passes.GroupedPasses, "logits", rounded_logits)


def train(base: Path, *, compiled: bool) -> tuple[dict[int, list[float]], np.ndarray]:
    backbone = load_backbone(resolve_encoder(str(base)), device=torch.device("cpu")).to(torch.bfloat16)
    own = AdapterPack(backbone, TRAIN.inputs, TRAIN.fake, PackRoom(4, 8, "all-linear", 4096), seed=0)
    own.passes = GroupedPasses(own.model, own._losses)
    if compiled:
        compile_layers(backbone)
    for number, spec in enumerate(SPECS):
        own.admit(str(number), spec)
    return finish(own), own.scores(range(len(SPECS)), TEST.inputs)


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ["bert", "gte", "t5"])
@pytest.mark.usefixtures("like_a_gpu")
def test_layers_are_compiled_once_for_all_slots_and_sizes(tiny_base: Callable[[str], Path], model_type: str) -> None:
    from torch._dynamo.utils import counters

    base = tiny_base(model_type)
    expected, expected_scores = train(base, compiled=False)
    torch._dynamo.reset()
    counters.clear()
    losses, scores = train(base, compiled=True)
    for slot, own in losses.items():
        np.testing.assert_allclose(own, expected[slot], atol=2e-3)
    np.testing.assert_allclose(scores, expected_scores, atol=2e-2)
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
