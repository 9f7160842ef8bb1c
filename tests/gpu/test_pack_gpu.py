"""Packs on a GPU: grouped products, compiled layers and recorded passes beside trials alone and beside peft."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.graphs import GraphedPasses
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.dequantised import dequantise
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import StudyError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.families.qlora_slot import SlotModel
from reviewtune.tuning.meter import Spent
from reviewtune.tuning.midway import MidwayModel, load_midway

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]

BFLOAT16 = 2e-2
"""How far losses of two epochs may drift apart by bfloat16's eight bits; losses are about 0.6."""


def make_rows(count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    lists = [np.r_[2, rng.integers(4 + 15 * label, 40 + 15 * label, rng.integers(2, 40)), 3] for label in fake]
    return Rows(from_lists(lists), fake)


TRAIN, TEST = make_rows(300, 0), make_rows(60, 1)


def make_pack(base: Path, *, compiled: bool, slots: int = 8, tokens: int = 4096) -> AdapterPack:
    backbone = dequantise(borrow_backbone(resolve_encoder(str(base)), "nf4"))
    room = PackRoom(slots, 16, "all-linear", tokens)
    return AdapterPack(backbone, TRAIN.inputs, TRAIN.fake, room, seed=3, compiled=compiled)


def make_params(**values: Any) -> QloraParams:
    return QloraParams(**{"rank": 4, "alpha": 8, "learning_rate": 1e-3, "epochs": 2, "batch_size": 8, **values})


STRANGERS = [
    make_params(rank=16, target="all-linear", batch_size=16),
    make_params(rank=1, batch_size=32, epochs=1),
    make_params(dropout=0.0, learning_rate=3e-3),
]


def run(pack: AdapterPack, specs: list[QloraParams]) -> tuple[list[list[float]], np.ndarray]:
    losses: list[list[float]] = [[] for _ in specs]
    for number, spec in enumerate(specs):
        pack.slot(pack.admit(str(number), spec)).begin_leg()
    while pack.busy:
        for index in pack.step():
            losses[index].append(pack.take_loss(index))
            if not pack.slot(index).is_done:
                pack.slot(index).begin_leg()
    return losses, np.stack(pack.scores(list(range(len(specs))), TEST.inputs))


@pytest.mark.parametrize("model_type", ["bert", "gte", "modernbert", "t5", "deberta-v2"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_trial_in_a_full_pack_is_as_alone(tiny_base: Callable[[str], Path], model_type: str, compiled: bool) -> None:
    own = make_params(dropout=0.1)
    base = tiny_base(model_type)
    losses, scores = run(make_pack(base, compiled=compiled), [own, *STRANGERS])
    alone, alone_scores = run(make_pack(base, compiled=compiled), [own])
    np.testing.assert_allclose(losses[0], alone[0], atol=BFLOAT16)
    assert np.abs(scores[0] - alone_scores[0]).mean() < 0.05 * max(1, np.abs(alone_scores).max())


def test_a_pack_is_as_peft_without_dropout(tiny_base: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_base("gte")
    own = make_params(dropout=0.0, head_dropout=0.0)
    pack = make_pack(base, compiled=True)
    for module in pack.model.backbone.modules():
        if type(module).__name__ == "PackedDropout":
            module.p = 0.0
    losses, _ = run(pack, [own, *STRANGERS])
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda _, states: states)
    setting = Setting(3, base_model=str(base))
    epochs = [epoch.metrics["train_loss"] for epoch in QloraFamily().fit(own, TRAIN, setting)]
    np.testing.assert_allclose(losses[0], epochs, atol=BFLOAT16)


@pytest.mark.parametrize("model_type", ["bert", "gte", "modernbert"])
def test_passes_are_recorded_and_replayed(tiny_base: Callable[[str], Path], model_type: str) -> None:
    pack = make_pack(tiny_base(model_type), compiled=False)
    run(pack, [make_params(), *STRANGERS])
    assert isinstance(pack.passes, GraphedPasses)
    assert len(pack.passes._recordings) >= 1
    assert pack.passes._can_record
    assert not pack.passes._refused


def test_a_step_of_several_passes_is_as_one_of_one(tiny_base: Callable[[str], Path]) -> None:
    """In each pass some slots have no tokens at all."""
    base, own = tiny_base("gte"), make_params(batch_size=32)
    losses, scores = run(make_pack(base, compiled=True, tokens=512), [own, *STRANGERS])
    expected, expected_scores = run(make_pack(base, compiled=True), [own, *STRANGERS])
    for several, one in zip(losses, expected, strict=True):
        np.testing.assert_allclose(several, one, atol=BFLOAT16)
    assert np.abs(scores - expected_scores).mean() < 0.05 * max(1, np.abs(expected_scores).max())


def test_a_trial_goes_on_in_another_pack_from_the_middle_of_a_leg(
    tiny_base: Callable[[str], Path], tmp_path: Path
) -> None:
    base, spec = tiny_base("gte"), make_params()
    expected, expected_scores = run(make_pack(base, compiled=False), [spec])
    first, second = (make_pack(base, compiled=False) for _ in range(2))
    first.slot(first.admit("a", spec)).begin_leg()
    for _ in range(5):
        assert not first.step()
    slot = first.slot(0)
    layers = [layer.name for layer in first.carriers(spec)]
    setting = Setting(seed=3, base_model=str(base), quantisation="nf4")
    model = MidwayModel(SlotModel(first.state(0), spec, layers, setting), Spent())
    model.save(tmp_path)
    model.save_state(tmp_path)
    state, spent = load_midway(tmp_path, second.tensor_names(spec))
    assert spent is not None
    assert state.rows == slot.rows_done > 0
    index, losses = second.admit("a", spec, state), []
    second.slot(index).begin_leg()
    while second.busy:
        if second.step():
            losses.append(second.take_loss(index))
            if not second.slot(index).is_done:
                second.slot(index).begin_leg()
    np.testing.assert_allclose(losses, expected[0], atol=BFLOAT16)
    np.testing.assert_allclose(second.scores([index], TEST.inputs)[0], expected_scores[0], atol=0.1)


def test_a_slot_that_diverges_fails_alone(tiny_base: Callable[[str], Path]) -> None:
    base = tiny_base("bert")
    pack = make_pack(base, compiled=False, slots=2)
    # The last slot also holds what rounds a pass up.
    own, bad = pack.admit("own", make_params()), pack.admit("bad", make_params())
    with torch.no_grad():
        pack.stack.values[bad] = float("nan")
    for index in (bad, own):
        pack.slot(index).begin_leg()
    losses = []
    while pack.busy:
        for index in pack.step():
            if index == bad:
                with pytest.raises(StudyError, match="no finite number"):
                    pack.take_loss(bad)
                continue
            losses.append(pack.take_loss(own))
            if not pack.slot(own).is_done:
                pack.slot(own).begin_leg()
    alone, _ = run(make_pack(base, compiled=False), [make_params()])
    np.testing.assert_allclose(losses, alone[0], atol=BFLOAT16)
