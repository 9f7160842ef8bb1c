from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from reviewtune.adapters.packed.pack import AdapterPack, PackRoom
from reviewtune.adapters.packed.slot_state import load_slot
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.dequantised import dequantise
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import StudyError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.families.qlora_slot import SlotModel

TOLERANCE = 1e-5
EPOCHS = 2


def make_rows(count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    lists = [
        np.r_[2, rng.integers(4 + 15 * label, 40 + 15 * label, rng.integers(2, 20)), 3].astype(np.int32)
        for label in fake
    ]
    return Rows(from_lists(lists), fake)


TRAIN, TEST = make_rows(45, 0), make_rows(20, 1)


def make_pack(
    base: Path, *, slots: int = 4, rank: int = 8, tokens: int = 4096, quantisation: str = "nf4"
) -> AdapterPack:
    backbone: Any = dequantise(borrow_backbone(resolve_encoder(str(base)), quantisation))  # type: ignore[arg-type]
    room = PackRoom(slots, rank, "all-linear", tokens)
    return AdapterPack(backbone, TRAIN.inputs, TRAIN.fake, room, seed=7)


def make_params(**values: Any) -> QloraParams:
    return QloraParams(**{"rank": 4, "alpha": 8, "learning_rate": 3e-3, "batch_size": 8, "epochs": EPOCHS, **values})


def finish(pack: AdapterPack) -> dict[int, list[float]]:
    """Train all slots to their end; the losses of the epochs of each."""
    losses: dict[int, list[float]] = {}
    for slot in pack.slots:
        if slot is not None and not slot.in_epoch:
            slot.begin_epoch()
    while pack.busy:
        for index in pack.step():
            losses.setdefault(index, []).append(pack.take_loss(index))
            if not pack.slot(index).is_done:
                pack.slot(index).begin_epoch()
    return losses


def alone(base: Path, params: QloraParams) -> tuple[list[float], np.ndarray, dict[str, Tensor]]:
    pack = make_pack(base, slots=1)
    pack.admit("alone", params)
    losses = finish(pack)[0]
    return losses, pack.scores([0], TEST.inputs)[0], dict(pack.state(0).adapter)


def assert_same(one: tuple[Any, ...], other: tuple[Any, ...], tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(one[0], other[0], atol=tolerance)
    np.testing.assert_allclose(one[1], other[1], atol=10 * tolerance)
    assert one[2].keys() == other[2].keys()
    for name, tensor in one[2].items():
        torch.testing.assert_close(other[2][name], tensor, atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    "model_type", ["bert", "gte", "roberta", "t5", "modernbert", "deberta-v2", "distilbert", "mpnet"]
)
@pytest.mark.parametrize("target", ["attention", "all-linear"])
def test_a_slot_of_a_full_pack_trains_as_peft_does(
    tiny_base: Callable[[str], Path], model_type: str, target: str
) -> None:
    """Losses, scores and adapter, dropout's draws among them, beside strangers of another rank, rate and batch."""
    base = tiny_base(model_type)
    params = make_params(target=target, dropout=0.1, rslora=True, weight_decay=0.01)
    pack = make_pack(base)
    pack.admit("first stranger", make_params(rank=8, batch_size=16, learning_rate=1e-2, target="all-linear"))
    own = pack.admit("own", params)
    pack.admit("second stranger", make_params(rank=1, batch_size=5, epochs=1))
    losses = finish(pack)[own]
    packed = losses, pack.scores([own], TEST.inputs)[0], dict(pack.state(own).adapter)
    epochs = [
        (epoch.metrics["train_loss"], epoch.model)
        for epoch in QloraFamily().fit(params, TRAIN, Setting(7, base_model=str(base)))
    ]
    model: Any = epochs[-1][1]
    from peft import get_peft_model_state_dict

    tensors = {
        name.removeprefix("base_model.model."): value.detach()
        for name, value in get_peft_model_state_dict(model.model, save_embedding_layers=False).items()
    }
    assert_same(([loss for loss, _ in epochs], model.scores(TEST.inputs), tensors), packed)


stranger = st.fixed_dictionaries(
    {
        "rank": st.sampled_from([1, 2, 4, 8]),
        "batch_size": st.sampled_from([3, 8, 16]),
        "learning_rate": st.floats(1e-4, 1e-2),
        "dropout": st.sampled_from([0.0, 0.1]),
        "target": st.sampled_from(["attention", "all-linear"]),
        "epochs": st.integers(1, 2),
    }
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    strangers=st.lists(st.tuples(stranger, st.integers(0, 11), st.integers(1, 8)), max_size=6),
    begin=st.integers(0, 9),
    tokens=st.sampled_from([64, 200, 4096]),
)
def test_strangers_that_join_and_leave_at_odd_times_change_nothing(
    tiny_bert: Path, strangers: list[tuple[dict[str, Any], int, int]], begin: int, tokens: int
) -> None:
    """A stranger joins before some step and is put out some steps later, in mid-epoch or not; passes are cut too."""
    params = make_params(dropout=0.1)
    pack = make_pack(tiny_bert, tokens=tokens)
    leaving: dict[int, int] = {}
    losses: list[float] = []
    own, moment = -1, 0
    while own < 0 or not pack.slot(own).is_done:
        for values, join, stay in strangers:
            if join == moment and len(pack.free) > (own < 0):
                index = pack.admit(f"stranger at {moment}", make_params(**values))
                pack.slot(index).begin_epoch()
                leaving[index] = moment + stay
        if moment == begin:
            own = pack.admit("own", params)
            pack.slot(own).begin_epoch()
        for index in pack.step() if pack.busy else []:
            loss = pack.take_loss(index)
            if index == own:
                losses.append(loss)
            if not pack.slot(index).is_done:
                pack.slot(index).begin_epoch()
        moment += 1
        for index in [index for index, time in leaving.items() if time <= moment]:
            pack.leave(index)
            del leaving[index]
    assert_same(alone(tiny_bert, params), (losses, pack.scores([own], TEST.inputs)[0], dict(pack.state(own).adapter)))


def test_one_slots_gradient_that_is_no_number_harms_that_slot_alone(tiny_bert: Path) -> None:
    params = make_params()
    pack = make_pack(tiny_bert)
    bad, own = pack.admit("bad", make_params()), pack.admit("own", params)
    with torch.no_grad():
        pack.stack.values[bad] = float("nan")
    losses: list[float] = []
    for index in (bad, own):
        pack.slot(index).begin_epoch()
    reasons = []
    while pack.busy:
        for index in pack.step():
            if index == bad:
                with pytest.raises(StudyError, match=r"no finite number.*lower the learning rate") as error:
                    pack.take_loss(index)
                reasons.append(error.value)
                pack.leave(bad)
                continue
            losses.append(pack.take_loss(index))
            if not pack.slot(index).is_done:
                pack.slot(index).begin_epoch()
    assert len(reasons) == 1
    assert_same(alone(tiny_bert, params), (losses, pack.scores([own], TEST.inputs)[0], dict(pack.state(own).adapter)))


def test_a_slot_that_was_bad_serves_the_next_trial_well(tiny_bert: Path) -> None:
    pack = make_pack(tiny_bert, slots=1)
    pack.admit("bad", make_params(learning_rate=1.0))
    with torch.no_grad():
        pack.stack.values[0] = float("inf")
    pack.slot(0).begin_epoch()
    pack.step()
    pack.leave(0)
    pack.admit("own", make_params())
    losses = finish(pack)[0]
    assert_same(
        alone(tiny_bert, make_params()), (losses, pack.scores([0], TEST.inputs)[0], dict(pack.state(0).adapter))
    )


def save(pack: AdapterPack, index: int, folder: Path, base: Path) -> None:
    spec = pack.slot(index).spec
    layers = [layer.name for layer in pack.carriers(spec)]
    folder.mkdir()
    SlotModel(pack.state(index), spec, layers, Setting(7, base_model=str(base))).save_state(folder, 1)


def run_epoch(pack: AdapterPack, index: int) -> float:
    pack.slot(index).begin_epoch()
    while index not in pack.step():
        pass
    return pack.take_loss(index)


def test_a_slot_goes_on_in_another_pack_as_if_it_had_stayed(tiny_bert: Path, tmp_path: Path) -> None:
    params = make_params(dropout=0.1)
    pack = make_pack(tiny_bert)
    pack.admit("own", params)
    losses = [run_epoch(pack, 0)]
    save(pack, 0, tmp_path / "state", tiny_bert)
    other = make_pack(tiny_bert, slots=2)
    other.admit("stranger", make_params(rank=2))
    other.slot(0).begin_epoch()
    index = other.admit("own", params, load_slot(tmp_path / "state", other.tensor_names(params)))
    losses.append(run_epoch(other, index))
    after = losses, other.scores([index], TEST.inputs)[0], dict(other.state(index).adapter)
    assert_same(alone(tiny_bert, params), after)


def test_a_slots_checkpoint_goes_on_under_peft(tiny_bert: Path, tmp_path: Path) -> None:
    params = make_params(dropout=0.1, target="all-linear")
    pack = make_pack(tiny_bert)
    pack.admit("own", params)
    run_epoch(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    setting = Setting(7, base_model=str(tiny_bert), resume_from=tmp_path / "state")
    (epoch,) = QloraFamily().fit(params, TRAIN, setting)
    losses, scores, _ = alone(tiny_bert, params)
    assert epoch.metrics["train_loss"] == pytest.approx(losses[-1], abs=TOLERANCE)
    np.testing.assert_allclose(epoch.model.scores(TEST.inputs), scores, atol=10 * TOLERANCE)


def test_a_checkpoint_of_other_params_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    pack = make_pack(tiny_bert)
    pack.admit("own", make_params())
    run_epoch(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    larger, wider = make_params(rank=8), make_params(target="all-linear")
    with pytest.raises(StudyError, match="of other params"):
        pack.admit("larger", larger, load_slot(tmp_path / "state", pack.tensor_names(larger)))
    with pytest.raises(StudyError, match="damaged"):
        load_slot(tmp_path / "state", pack.tensor_names(wider))
    assert pack.free == [1, 2, 3]


def test_an_adapter_that_the_pack_has_no_room_for_is_refused(tiny_bert: Path) -> None:
    pack = make_pack(tiny_bert, rank=8)
    with pytest.raises(StudyError, match="rank=16"):
        pack.admit("large", make_params(rank=16))


def test_files_of_a_slot_hold_no_pickle(tiny_bert: Path, tmp_path: Path) -> None:
    pack = make_pack(tiny_bert)
    pack.admit("own", make_params())
    run_epoch(pack, 0)
    save(pack, 0, tmp_path / "state", tiny_bert)
    assert {file.suffix for file in (tmp_path / "state").iterdir()} == {".json", ".safetensors"}


def test_a_short_memory_halves_the_passes_and_the_step_is_taken_once(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = make_pack(tiny_bert)
    train, refused = pack.passes.train, []

    def scarce(parts: Any, *rest: Any) -> None:
        if pack.budget > 1024:
            refused.append(pack.budget)
            train(parts, *rest)
            raise torch.OutOfMemoryError
        train(parts, *rest)

    monkeypatch.setattr(pack.passes, "train", scarce)
    pack.admit("own", make_params(dropout=0.0, head_dropout=0.0))
    pack.slot(0).begin_epoch()
    pack.step()
    assert refused == [4096, 2048]
    assert pack.budget == 1024
    assert torch.isfinite(pack.stack.values).all()
