"""Packs whose moments are of 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.slot_state import SlotState, load_slot
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import StudyError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.families.qlora_slot import SlotModel
from tests.unit.adapters.packed.conftest import run_leg

FAKE = np.arange(40) % 2 == 0
RNG = np.random.default_rng(0)
LISTS = [np.r_[2, RNG.integers(4 + 30 * own, 60 + 30 * own, RNG.integers(2, 20)), 3].astype(np.int32) for own in FAKE]
TRAIN = Rows(from_lists(LISTS), FAKE)


def make_pack(base: Path, slots: int = 3) -> AdapterPack:
    backbone = borrow_backbone(resolve_encoder(str(base)), "none")
    room = PackRoom(slots, 8, "all-linear", 4096, "adamw_8bit")
    return AdapterPack(backbone, TRAIN.inputs, TRAIN.fake, room, seed=7)


def make_params(**values: Any) -> QloraParams:
    fixed = {"rank": 4, "alpha": 8, "batch_size": 8, "dropout": 0.1, "epochs": 3, "optimizer": "adamw_8bit"}
    return QloraParams(**{"learning_rate": 3e-3, **fixed, **values})


def make_setting(base: Path, resume_from: Path | None = None) -> Setting:
    return Setting(7, base_model=str(base), quantisation="none", resume_from=resume_from)


def save(pack: AdapterPack, index: int, folder: Path, base: Path) -> None:
    spec = pack.slot(index).spec
    layers = [layer.name for layer in pack.carriers(spec)]
    folder.mkdir()
    SlotModel(pack.state(index), spec, layers, make_setting(base)).save_state(folder)


def assert_equal(one: SlotState, other: SlotState) -> None:
    assert one.steps == other.steps
    for own, others in ((one.adapter, other.adapter), (one.mean, other.mean), (one.square, other.square)):
        assert own.keys() == others.keys()
        assert all(torch.equal(tensor, others[name]) for name, tensor in own.items())


@pytest.mark.parametrize("target", ["attention", "all-linear"])
def test_a_slot_goes_on_in_another_pack_bit_for_bit(tiny_bert: Path, tmp_path: Path, target: str) -> None:
    """Whether or not its state was kept in between, which therefore changes nothing either."""
    params = make_params(target=target)
    stayed = make_pack(tiny_bert)
    stayed.admit("own", params)
    losses = [run_leg(stayed, 0) for _ in range(3)]
    pack = make_pack(tiny_bert)
    pack.admit("own", params)
    moved = [run_leg(pack, 0)]
    for epoch in (1, 2):
        save(pack, 0, tmp_path / str(epoch), tiny_bert)
        pack = make_pack(tiny_bert)
        pack.admit("own", params, load_slot(tmp_path / str(epoch), pack.tensor_names(params)))
        moved.append(run_leg(pack, 0))
    assert moved == losses
    assert_equal(pack.state(0), stayed.state(0))


def test_a_slot_learns_as_with_whole_moments(tiny_bert: Path) -> None:
    """Beside a stranger, its losses are near those of peft with torch's AdamW; the rest of its row stays zero."""
    pack = make_pack(tiny_bert)
    pack.slot(pack.admit("stranger", make_params(rank=8, target="all-linear", learning_rate=1e-2))).begin_leg()
    own = pack.admit("own", make_params())
    losses = [run_leg(pack, own) for _ in range(3)]
    whole = QloraFamily().fit(make_params(optimizer="adamw"), TRAIN, make_setting(tiny_bert))
    assert losses == pytest.approx([epoch.metrics["train_loss"] for epoch in whole], abs=0.01)
    assert torch.equal(pack.stack.row(pack.state(own).adapter), pack.stack.values[own])


def test_a_slots_checkpoint_goes_on_under_bitsandbytes(tiny_bert: Path, tmp_path: Path) -> None:
    """As `--continue` does; and back again it does not, which is said."""
    params = make_params()
    pack = make_pack(tiny_bert, slots=1)
    pack.admit("own", params)
    run_leg(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    epochs = QloraFamily().fit(params, TRAIN, make_setting(tiny_bert, tmp_path / "state"))
    second = next(epochs)
    assert second.metrics["train_loss"] == pytest.approx(run_leg(pack, 0), abs=0.01)
    model: Any = second.model
    (tmp_path / "ddp").mkdir()
    model.save_state(tmp_path / "ddp")
    with pytest.raises(StudyError, match="states of bitsandbytes, which --executor ddp goes on from"):
        load_slot(tmp_path / "ddp", pack.tensor_names(params))


def test_a_trial_of_another_optimizer_is_refused(tiny_bert: Path) -> None:
    pack = make_pack(tiny_bert)
    with pytest.raises(StudyError, match=r"optimizer=adamw: this pack has room for .*adamw_8bit"):
        pack.admit("other", make_params(optimizer="adamw"))
    assert pack.free == [0, 1, 2]
