"""A slot that is kept goes on as if it had never stopped, in another pack or under peft."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.slot_state import load_slot
from reviewtune.errors import StudyError
from reviewtune.families.base import Setting
from reviewtune.families.qlora import QloraFamily
from reviewtune.families.qlora_slot import SlotModel
from tests.unit.adapters.packed.conftest import (
    TEST,
    TOLERANCE,
    TRAIN,
    alone,
    assert_same,
    finish,
    make_pack,
    make_params,
    run_leg,
)


def save(pack: AdapterPack, index: int, folder: Path, base: Path) -> None:
    spec = pack.slot(index).spec
    layers = [layer.name for layer in pack.carriers(spec)]
    folder.mkdir()
    SlotModel(pack.state(index), spec, layers, Setting(7, base_model=str(base))).save_state(folder)


@pytest.mark.parametrize("evaluations", [1, 2])
def test_a_slot_goes_on_in_another_pack_as_if_it_had_stayed(tiny_bert: Path, tmp_path: Path, evaluations: int) -> None:
    params = make_params(dropout=0.1)
    pack = make_pack(tiny_bert, evaluations=evaluations)
    pack.admit("own", params)
    losses = [run_leg(pack, 0)]
    save(pack, 0, tmp_path / "state", tiny_bert)
    other = make_pack(tiny_bert, slots=2, evaluations=evaluations)
    other.admit("stranger", make_params(rank=2))
    other.slot(0).begin_leg()
    index = other.admit("own", params, load_slot(tmp_path / "state", other.tensor_names(params)))
    while not other.slot(index).is_done:
        losses.append(run_leg(other, index))
    after = losses, other.scores([index], TEST.inputs)[0], dict(other.state(index).adapter)
    assert_same(alone(tiny_bert, params, evaluations), after)


def test_what_a_gpu_has_written_goes_on_where_there_is_none(tiny_bert: Path, tmp_path: Path) -> None:
    """A pack keeps the state of its own device's generator alone: of CUDA a seed and an offset."""
    params, state = make_params(), tmp_path / "state"
    pack = make_pack(tiny_bert)
    pack.admit("own", params)
    run_leg(pack, 0)
    save(pack, 0, state, tiny_bert)
    save_file({"cuda": torch.arange(16, dtype=torch.uint8)}, state / "random.safetensors")
    other = make_pack(tiny_bert)
    index = other.admit("own", params, load_slot(state, other.tensor_names(params)))
    assert other.slot(index).steps == pack.slot(0).steps > 0
    save_file({}, state / "random.safetensors")
    with pytest.raises(StudyError, match="holds no state of a generator"):
        load_slot(state, other.tensor_names(params))


@pytest.mark.parametrize("evaluations", [1, 2])
def test_a_slots_checkpoint_goes_on_under_peft(tiny_bert: Path, tmp_path: Path, evaluations: int) -> None:
    params = make_params(dropout=0.1, target="all-linear")
    pack = make_pack(tiny_bert, evaluations=evaluations)
    pack.admit("own", params)
    run_leg(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    setting = Setting(7, base_model=str(tiny_bert), evaluations_per_epoch=evaluations, resume_from=tmp_path / "state")
    legs = list(QloraFamily().fit(params, TRAIN, setting))
    losses, scores, _ = alone(tiny_bert, params, evaluations)
    assert [leg.metrics["train_loss"] for leg in legs] == pytest.approx(losses[1:], abs=TOLERANCE)
    np.testing.assert_allclose(legs[-1].model.scores(TEST.inputs), scores, atol=10 * TOLERANCE)


def test_a_checkpoint_of_peft_in_mid_epoch_goes_on_in_a_slot(tiny_bert: Path, tmp_path: Path) -> None:
    params = make_params(dropout=0.1)
    first: Any = next(QloraFamily().fit(params, TRAIN, Setting(7, base_model=str(tiny_bert), evaluations_per_epoch=2)))
    first.model.save_state(tmp_path)
    pack = make_pack(tiny_bert, evaluations=2)
    index = pack.admit("own", params, load_slot(tmp_path, pack.tensor_names(params)))
    losses = [first.metrics["train_loss"], *finish(pack)[index]]
    after = losses, pack.scores([index], TEST.inputs)[0], dict(pack.state(index).adapter)
    assert_same(alone(tiny_bert, params, evaluations=2), after)


def test_a_checkpoint_of_other_params_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    pack = make_pack(tiny_bert)
    pack.admit("own", make_params())
    run_leg(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    larger, wider = make_params(rank=8), make_params(target="all-linear")
    with pytest.raises(StudyError, match="of other params"):
        pack.admit("larger", larger, load_slot(tmp_path / "state", pack.tensor_names(larger)))
    with pytest.raises(StudyError, match="damaged"):
        load_slot(tmp_path / "state", pack.tensor_names(wider))
    assert pack.free == [1, 2, 3]


def test_files_of_a_slot_hold_no_pickle(tiny_bert: Path, tmp_path: Path) -> None:
    pack = make_pack(tiny_bert)
    pack.admit("own", make_params())
    run_leg(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    assert {file.suffix for file in (tmp_path / "state").iterdir()} == {".json", ".safetensors"}
