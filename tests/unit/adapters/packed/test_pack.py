from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch._dynamo.exc import BackendCompilerFailed

from reviewtune.errors import StudyError
from reviewtune.families.base import Setting
from reviewtune.families.qlora import QloraFamily
from tests.unit.adapters.packed.conftest import (
    EPOCHS,
    TEST,
    TRAIN,
    alone,
    assert_same,
    finish,
    make_pack,
    make_params,
    run_leg,
)


@pytest.mark.parametrize(
    ("model_type", "target"),
    [
        *((model_type, "attention") for model_type in ("bert", "gte", "t5", "modernbert")),
        *((model_type, "all-linear") for model_type in ("bert", "gte", "roberta", "t5", "modernbert")),
        *((model_type, "all-linear") for model_type in ("deberta-v2", "distilbert", "mpnet")),
    ],
)
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


def test_a_slot_trains_on_its_own_rows_by_its_own_seed_as_a_trial_that_has_no_others(tiny_bert: Path) -> None:
    """Beside strangers of other rows and seeds, a slot of 19 scattered rows does what peft does on these 19 alone."""
    params, rows = make_params(dropout=0.1, batch_size=5), np.arange(3, 45, 2)[:19]
    pack = make_pack(tiny_bert)
    pack.admit("stranger of all rows", make_params(rank=8, batch_size=16))
    own = pack.admit("own", params, rows=rows, seed=3)
    pack.admit("stranger of few rows", make_params(), rows=np.arange(4), seed=9)
    losses = finish(pack)
    assert [pack.slot(index).steps for index in (0, own, 2)] == [6, 8, 2]
    legs = [
        (leg.metrics["train_loss"], leg.model.scores(TEST.inputs))
        for leg in QloraFamily().fit(params, TRAIN.take(rows), Setting(3, base_model=str(tiny_bert)))
    ]
    np.testing.assert_allclose(losses[own], [loss for loss, _ in legs], atol=1e-5)
    np.testing.assert_allclose(pack.scores([own], TEST.inputs)[0], legs[-1][1], atol=1e-4)
    assert_same(
        alone(tiny_bert, params, rows=rows, seed=3),
        (losses[own], pack.scores([own], TEST.inputs)[0], dict(pack.state(own).adapter)),
    )


def test_each_slot_scores_the_rows_that_are_its_own(tiny_bert: Path) -> None:
    """In one pass, whatever their number and order, and where the budget cuts them."""
    pack = make_pack(tiny_bert, tokens=200)
    for seed in range(3):
        pack.admit(str(seed), make_params(), seed=seed)
    own = [np.array([4, 1, 9]), np.arange(20), np.array([], dtype=np.int64)]
    everything = [pack.scores([index], TEST.inputs)[0] for index in (2, 0, 1)]
    found = pack.scores([2, 0, 1], TEST.inputs, own)
    for scores, rows, whole in zip(found, own, everything, strict=True):
        np.testing.assert_allclose(scores, whole[rows], atol=1e-5)
    assert np.abs(everything[0] - everything[1]).min() > 0


def test_evaluations_within_epochs_change_no_bit_of_the_training(tiny_bert: Path) -> None:
    """45 rows in batches of 8: epochs of six steps are cut after the first, the third and the fourth."""
    params = make_params(dropout=0.1)
    losses, scores, adapter = alone(tiny_bert, params)
    pack = make_pack(tiny_bert, slots=1, evaluations=4)
    pack.admit("own", params)
    legs, ends, rows = [], [], []
    for _ in range(4 * EPOCHS):
        legs.append(run_leg(pack, 0))
        pack.scores([0], TEST.inputs)
        ends.append((pack.slot(0).leg, pack.slot(0).epoch, pack.slot(0).steps))
        rows.append(pack.slot(0).rows)
    assert ends[:5] == [(1, 0.25, 1), (2, 0.5, 3), (3, 0.75, 4), (4, 1, 6), (5, 1.25, 7)]
    assert pack.slot(0).is_done
    np.testing.assert_array_equal(pack.scores([0], TEST.inputs)[0], scores)
    assert all(torch.equal(value, adapter[name]) for name, value in pack.state(0).adapter.items())
    means = [np.average(legs[first : first + 4], weights=rows[first : first + 4]) for first in (0, 4)]
    np.testing.assert_allclose(means, losses, atol=1e-6)


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


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
                pack.slot(index).begin_leg()
                leaving[index] = moment + stay
        if moment == begin:
            own = pack.admit("own", params)
            pack.slot(own).begin_leg()
        for index in pack.step() if pack.busy else []:
            loss = pack.take_loss(index)
            if index == own:
                losses.append(loss)
            if not pack.slot(index).is_done:
                pack.slot(index).begin_leg()
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
        pack.slot(index).begin_leg()
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
                pack.slot(index).begin_leg()
    assert len(reasons) == 1
    assert_same(alone(tiny_bert, params), (losses, pack.scores([own], TEST.inputs)[0], dict(pack.state(own).adapter)))


def test_a_slot_that_was_bad_serves_the_next_trial_well(tiny_bert: Path) -> None:
    pack = make_pack(tiny_bert, slots=1)
    pack.admit("bad", make_params(learning_rate=1.0))
    with torch.no_grad():
        pack.stack.values[0] = float("inf")
    pack.slot(0).begin_leg()
    pack.step()
    pack.leave(0)
    pack.admit("own", make_params())
    losses = finish(pack)[0]
    assert_same(
        alone(tiny_bert, make_params()), (losses, pack.scores([0], TEST.inputs)[0], dict(pack.state(0).adapter))
    )


def test_an_adapter_that_the_pack_has_no_room_for_is_refused(tiny_bert: Path) -> None:
    pack = make_pack(tiny_bert)
    with pytest.raises(StudyError, match="rank=16"):
        pack.admit("large", make_params(rank=16))


def test_layers_that_cannot_be_compiled_are_told_of_in_one_line(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise BackendCompilerFailed(len, RuntimeError("no\ncompiler"), None)  # type: ignore[arg-type]

    pack = make_pack(tiny_bert)
    pack.slot(pack.admit("own", make_params())).begin_leg()
    monkeypatch.setattr(pack.passes, "train", fail)
    with pytest.raises(StudyError, match=r"cannot be compiled .*no compiler.*: give --executor ddp") as raised:
        pack.step()
    assert "\n" not in str(raised.value)
