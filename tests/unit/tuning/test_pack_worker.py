"""What a pack worker does with the trials it has: trains, judges, keeps, tells."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from reviewtune.errors import StorageError
from reviewtune.families.qlora_slot import SlotModel
from reviewtune.tuning import pack_worker
from reviewtune.tuning.held_out import HELD_OUT_FILE, HeldOut
from reviewtune.tuning.keeping import BEST, LAST, PROGRESS_FILE
from reviewtune.tuning.meter import DeviceMeter
from reviewtune.tuning.orders import Orders
from reviewtune.tuning.pack_worker import PackWorker
from reviewtune.tuning.records import legs_with
from reviewtune.tuning.training import EVERYTHING, Training, fold_name, search_fold
from tests.unit.tuning.packs import PARAMS, make_worker, orders, run_leg


@pytest.fixture
def worker(tiny_bert: Path, tmp_path: Path) -> PackWorker:
    return make_worker(tiny_bert, tmp_path)


def test_an_epoch_is_evaluated_kept_and_only_then_delivered(worker: PackWorker, tmp_path: Path) -> None:
    worker._follow(orders(("a", PARAMS, 0)))
    run_leg(worker)
    ((trial, result),) = worker.broker.delivered
    assert (trial, result["epoch"], result["progress"], result["last"]) == ("a", 1, 50, False)
    assert {"f1", "accuracy", "roc_auc", "train_loss", "best_judged", "fit_seconds", "pack_reviews_per_second"} <= set(
        result
    )
    kept = json.loads((tmp_path / "a" / LAST / PROGRESS_FILE).read_text())
    assert kept == {**result, "earlier": []}
    assert (tmp_path / "a" / BEST).is_dir()


def test_trials_share_the_energy_of_their_pack_by_their_tokens(worker: PackWorker) -> None:
    counter = count(0, 30)
    worker.meter = DeviceMeter(lambda: float(next(counter)))
    worker._follow(orders(("a", PARAMS, 0), ("b", PARAMS, 0)))
    run_leg(worker)
    told = [result["gpu_joules"] for _, result in worker.broker.delivered]
    assert len(told) == 2
    assert sum(told) == pytest.approx(30)
    assert told[0] == pytest.approx(told[1])


@pytest.mark.parametrize("evaluations", [1, 2])
def test_a_trial_rests_until_its_next_leg_is_allowed(tiny_bert: Path, tmp_path: Path, evaluations: int) -> None:
    worker = make_worker(tiny_bert, tmp_path, evaluations)
    worker._follow(orders(("a", PARAMS, 0), allowed=1))
    run_leg(worker)
    assert not worker.pack.busy
    for leg in range(2, 2 * evaluations + 1):
        worker._follow(Orders([], [], {"a": leg}, closed=False))
        run_leg(worker)
    assert [result["epoch"] * evaluations for _, result in worker.broker.delivered] == list(range(1, leg + 1))
    assert len(worker.pack.free) == 3


def test_bad_params_fail_their_trial_alone(worker: PackWorker) -> None:
    worker._follow(orders(("a", PARAMS, 0), ("bad", {**PARAMS, "rank": 0}, 0), ("large", {**PARAMS, "rank": 64}, 0)))
    assert [trial for trial, _ in worker.broker.failed] == ["bad", "large"]
    assert "rank=0" in worker.broker.failed[0][1]
    assert worker.broker.by_machine == [False, False]
    run_leg(worker)
    assert [trial for trial, _ in worker.broker.delivered] == ["a"]


def test_a_bucket_that_cannot_be_reached_is_no_fault_of_the_trial(
    worker: PackWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: Any) -> None:
        raise StorageError("s3://reviews cannot be reached")

    with monkeypatch.context() as patched:
        patched.setattr(pack_worker, "last_state", unreachable)
        worker._follow(orders(("a", PARAMS, 0)))
    monkeypatch.setattr(SlotModel, "save_state", lambda self, _: unreachable(self))
    worker._follow(orders(("b", PARAMS, 0)))
    run_leg(worker)
    assert worker.broker.failed == [("a", "s3://reviews cannot be reached")]
    assert worker.broker.by_machine == [True]
    trial, reason = worker._unkept.get_nowait()
    assert trial == "b"
    assert reason.endswith("(s3://reviews cannot be reached): the same command tries again")


def test_a_disk_that_is_full_fails_the_trial(worker: PackWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SlotModel, "save_state", full)
    worker._follow(orders(("a", PARAMS, 0)))
    run_leg(worker)
    assert not worker.broker.delivered
    trial, reason = worker._unkept.get_nowait()
    assert trial == "a"
    assert "No space left on device" in reason
    worker._fail(trial, reason)
    assert worker.broker.failed == [("a", reason)]
    assert len(worker.pack.free) == 3


def test_a_trial_that_is_put_out_frees_its_slot_in_mid_epoch(worker: PackWorker) -> None:
    worker._follow(orders(("a", PARAMS, 0), ("b", PARAMS, 0)))
    worker.pack.step()
    worker._follow(Orders([], ["a"], {"b": 2}, closed=False))
    assert len(worker.pack.free) == 2
    run_leg(worker)
    assert [trial for trial, _ in worker.broker.delivered] == ["b"]


def test_trials_of_other_folds_train_beside_one_another_each_judged_by_its_own_rows(
    worker: PackWorker, tmp_path: Path
) -> None:
    params = {**PARAMS, "epochs": 2}
    members = {name: Training(params, fold_name(fold, 2, 0)).config for fold, name in enumerate(("a", "b"))}
    everything = Training(params, EVERYTHING, until=1).config
    worker._follow(orders(*((name, config, 0) for name, config in members.items()), ("all", everything, 0)))
    assert sorted(slot.course.count for slot in worker.pack.slots if slot) == [16, 18, 34]
    run_leg(worker)
    run_leg(worker)
    worker._follow(Orders([], [], {"a": 2, "b": 2}, closed=False))
    while worker.pack.busy:
        run_leg(worker)
    assert worker.broker.failed == []
    by_trial: dict[str, list[dict[str, Any]]] = {}
    for trial, result in worker.broker.delivered:
        by_trial.setdefault(trial, []).append(result)
    assert {trial: [result["last"] for result in own] for trial, own in by_trial.items()} == {
        "a": [False, True],
        "b": [False, True],
        "all": [True],
    }
    assert ["f1" in own[0] for own in by_trial.values()].count(False) == 1
    assert "f1" not in by_trial["all"][0]
    for name, rows in {"a": 18, "b": 16}.items():
        said = HeldOut.read(tmp_path / name).legs
        assert {leg: len(scores) for leg, scores in said.items()} == {1: rows, 2: rows}
    assert not (tmp_path / "all" / HELD_OUT_FILE).exists()
    assert (tmp_path / "all" / BEST / "adapter_model.safetensors").is_file()
    assert len(worker.pack.free) == 3


def test_a_share_of_the_first_epoch_is_told_of_and_its_model_gives_way_to_any_later_one(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = make_worker(tiny_bert, tmp_path)
    folds = {**worker.assignment.folds, "search": search_fold(24, 10, seed=1, first_rung=0.4)}
    worker.assignment = replace(worker.assignment, folds=folds)
    judged = iter([0.9, 0.5, 0.7])
    scores = {"f1": 0.5, "accuracy": 0.5, "roc_auc": 0.5}
    monkeypatch.setattr(pack_worker, "validation_metrics", lambda *_: {**scores, "judged": next(judged)})
    worker._follow(orders(("a", PARAMS, 0), allowed=3))
    run_leg(worker)
    assert json.loads((tmp_path / "a" / BEST / PROGRESS_FILE).read_text())["leg"] == 1
    for _ in range(2):
        run_leg(worker)
    told = [result for _, result in worker.broker.delivered]
    assert [(result["leg"], result["epoch"], result.get("share")) for result in told] == [
        (1, 0.4, 0.4),
        (2, 1, None),
        (3, 2, None),
    ]
    assert [result["progress"] for result in told] == [20, 50, 100]
    assert [result["best_judged"] for result in told] == [0.9, 0.5, 0.7]
    assert json.loads((tmp_path / "a" / BEST / PROGRESS_FILE).read_text())["leg"] == 3
    epochs = legs_with([], json.loads((tmp_path / "a" / LAST / PROGRESS_FILE).read_text()))
    assert [epoch.share for epoch in epochs] == [0.4, None, None]
