import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import StorageError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora_slot import SlotModel
from reviewtune.tuning import pack_worker
from reviewtune.tuning.held_out import HELD_OUT_FILE, HeldOut
from reviewtune.tuning.keeping import BEST, LAST, PROGRESS_FILE
from reviewtune.tuning.meter import DeviceMeter
from reviewtune.tuning.midway import MIDWAY_FILE
from reviewtune.tuning.orders import Orders
from reviewtune.tuning.pack_worker import PackWorker
from reviewtune.tuning.records import EpochRecord, legs_with
from reviewtune.tuning.training import EVERYTHING, Training, all_folds, fold_name, search_fold
from reviewtune.tuning.trial import NO_SCORE, Assignment

PARAMS = {"rank": 4, "alpha": 8, "learning_rate": 1e-3, "batch_size": 8, "epochs": 2, "target": "attention"}


def make_rows(count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    return Rows(from_lists([np.r_[2, rng.integers(4, 150, 6), 3] for _ in fake]), fake)


class Broker:
    """Notes what a worker tells the real one."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, dict[str, Any]]] = []
        self.failed: list[tuple[str, str]] = []
        self.deliver = SimpleNamespace(remote=lambda *told: self.delivered.append(told))
        self.by_machine: list[bool] = []
        self.fail = SimpleNamespace(remote=self._fail)

    def _fail(self, trial_id: str, reason: str, *, by_machine: bool) -> None:
        self.failed.append((trial_id, reason))
        self.by_machine.append(by_machine)


@pytest.fixture
def worker(tiny_bert: Path, tmp_path: Path) -> PackWorker:
    return make_worker(tiny_bert, tmp_path)


def make_worker(base: Path, models: Path, evaluations: int = 1) -> PackWorker:
    setting = Setting(seed=1, base_model=str(base), quantisation="none")
    rows = make_rows(34, 0)
    fold_of = np.arange(34) // 2 % 2
    folds = all_folds(fold_of, 2, seeds=1, search=search_fold(24, 10, seed=1))
    assignment = Assignment("qlora", {"dropout": 0.0}, rows, folds, setting, models)
    backbone = borrow_backbone(resolve_encoder(str(base)), "none")
    pack = AdapterPack(
        backbone, rows.inputs, rows.fake, PackRoom(3, 8, "attention", 2048), seed=1, evaluations_per_epoch=evaluations
    )
    gauges: Any = SimpleNamespace(note=lambda *_: None, line=lambda: {"pack_reviews_per_second": 5.0})
    return PackWorker(pack, assignment, Broker(), number=0, gauges=gauges, _savers=ThreadPoolExecutor(1))


def orders(*admit: tuple[str, dict[str, Any], int], allowed: int = 2, evict: tuple[str, ...] = ()) -> Orders:
    return Orders(list(admit), list(evict), {trial: allowed for trial, _, _ in admit}, closed=False)


def run_leg(worker: PackWorker) -> None:
    while worker.pack.busy:
        ended = worker.pack.step()
        worker._end_legs(ended)
        if ended:
            break
    worker._savers.submit(lambda: None).result()


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


def test_what_a_trial_drew_is_kept_where_another_worker_goes_on(tiny_bert: Path, tmp_path: Path) -> None:
    drawn = {}
    for name, draws in (("first", 10), ("second", 7)):
        worker = make_worker(tiny_bert, tmp_path)
        counter = count(0, draws)
        worker.meter = DeviceMeter(lambda counter=counter: float(next(counter)))
        worker._follow(orders(("a", PARAMS, len(drawn))))
        run_leg(worker)
        drawn[name] = worker.broker.delivered[-1][1]["gpu_joules"]
    assert drawn == {"first": 10, "second": 17}


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


@pytest.mark.parametrize(("known", "trained", "evaluations"), [(0, 1, 1), (1, 1, 1), (1, 2, 2)])
def test_another_worker_goes_on_and_tells_what_was_lost(
    tiny_bert: Path, tmp_path: Path, known: int, trained: int, evaluations: int
) -> None:
    """A worker died after its checkpoint, before or after it told of the leg."""
    worker, other = (make_worker(tiny_bert, tmp_path, evaluations) for _ in range(2))
    worker._follow(orders(("a", PARAMS, 0), allowed=trained))
    for _ in range(trained):
        run_leg(worker)
    other._follow(orders(("a", PARAMS, known), allowed=trained + 1))
    assert [result["leg"] for _, result in other.broker.delivered] == [trained] * (trained - known)
    run_leg(other)
    worker._follow(Orders([], [], {"a": trained + 1}, closed=False))
    run_leg(worker)
    found, expected = (each.broker.delivered[-1][1] for each in (other, worker))
    assert found["train_loss"] == pytest.approx(expected["train_loss"], abs=1e-5)
    for name, value in {"leg": trained + 1, "epoch": (trained + 1) / evaluations, "f1": expected["f1"]}.items():
        assert found[name] == expected[name] == value


def test_a_trial_that_goes_on_tells_of_all_legs_before(tiny_bert: Path, tmp_path: Path) -> None:
    """Whoever carried the first two reports died with them."""
    worker, other = make_worker(tiny_bert, tmp_path, 2), make_worker(tiny_bert, tmp_path, 2)
    worker._follow(orders(("a", PARAMS, 0), allowed=3))
    for _ in range(3):
        run_leg(worker)
    other._follow(orders(("a", PARAMS, 0), allowed=3))
    ((_, told),) = other.broker.delivered
    first = [EpochRecord(**{**result, "pack_reviews_per_second": 5.0}) for _, result in worker.broker.delivered]
    names = ("leg", "epoch", "f1", "roc_auc", "train_loss")
    legs = legs_with([], told)
    assert [[getattr(leg, name) for name in names] for leg in legs] == [
        [getattr(leg, name) for name in names] for leg in first
    ]
    other._follow(Orders([], [], {"a": 4}, closed=False))
    run_leg(other)
    kept = json.loads((tmp_path / "a" / LAST / PROGRESS_FILE).read_text())
    assert [leg["leg"] for leg in kept["earlier"]] == [1, 2, 3]
    assert "earlier" not in other.broker.delivered[-1][1]


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


def test_a_slot_that_goes_on_after_a_share_compares_its_epochs_anew(tiny_bert: Path, tmp_path: Path) -> None:
    for seed in range(2):
        worker = make_worker(tiny_bert, tmp_path)
        folds = {**worker.assignment.folds, "search": search_fold(24, 10, seed=1, first_rung=0.4)}
        worker.assignment = replace(worker.assignment, folds=folds)
        worker._follow(orders(("a", PARAMS, seed), allowed=1))
        if seed == 0:
            run_leg(worker)
    (tenant,) = worker.tenants.values()
    assert worker.pack.slot(tenant.slot).leg == 1
    assert tenant.best == NO_SCORE
    assert tenant.result is not None
    assert tenant.result["share"] == 0.4


@pytest.mark.parametrize(("legs", "steps"), [(0, 1), (1, 2)])
def test_a_trial_that_is_given_in_the_middle_of_a_leg_goes_on_elsewhere_from_there(
    tiny_bert: Path, tmp_path: Path, legs: int, steps: int
) -> None:
    alone, giver, taker = (make_worker(tiny_bert, tmp_path / name) for name in ("alone", "moved", "moved"))
    told: list[tuple[int, str]] = []
    giver.broker.hand_back = SimpleNamespace(remote=lambda *back: told.append(back))
    for worker in (alone, giver):
        worker._follow(orders(("a", PARAMS, 0), allowed=2))
    for _ in range(legs):
        run_leg(giver)
    for _ in range(steps):
        assert not giver.pack.step()
    giver._follow(Orders([], [], {"a": 2}, closed=False, give=["a"]))
    assert told == [(0, "a")]
    assert (len(giver.pack.free), giver.tenants, giver.broker.failed) == (3, {}, [])
    taker._follow(orders(("a", PARAMS, legs), allowed=2))
    (tenant,) = taker.tenants.values()
    slot = taker.pack.slot(tenant.slot)
    assert (slot.steps, slot.rows, slot.rows_left) == (3 * legs + steps, 24, 24 - 8 * steps)
    for worker in (alone, taker):
        while worker.pack.busy:
            run_leg(worker)
    found, expected = ([result for _, result in worker.broker.delivered] for worker in (taker, alone))
    assert [result["leg"] for result in found] == list(range(legs + 1, 3))
    for mine, theirs in zip(found, expected[legs:], strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-6)
        assert mine["f1"] == theirs["f1"]
    assert found[-1]["fit_seconds"] > 0


def test_a_worker_whose_machine_is_taken_away_writes_its_slots_and_resigns(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.get", lambda told: told)
    worker = make_worker(tiny_bert, tmp_path)
    worker.broker.resign = SimpleNamespace(remote=lambda *told: resigned.append(told))
    resigned: list[tuple[int]] = []
    worker._follow(orders(("begun", PARAMS, 0), ("fresh", PARAMS, 0)))
    worker.pack.step()
    worker._follow(orders(("new", PARAMS, 0)))
    worker._resign()
    assert resigned == [(0,)]
    for name, rows in {"begun": 8, "fresh": 8, "new": None}.items():
        path = tmp_path / name / LAST / MIDWAY_FILE
        assert (json.loads(path.read_text())["rows"] if path.exists() else None) == rows
    assert worker.broker.failed == []


def test_a_damaged_midway_fails_its_trial_alone(tiny_bert: Path, tmp_path: Path) -> None:
    giver, taker = make_worker(tiny_bert, tmp_path), make_worker(tiny_bert, tmp_path)
    giver.broker.hand_back = SimpleNamespace(remote=lambda *_: None)
    giver._follow(orders(("a", PARAMS, 0)))
    giver.pack.step()
    giver._follow(Orders([], [], {}, closed=False, give=["a", "gone"]))
    (tmp_path / "a" / LAST / MIDWAY_FILE).write_text('{"rows": -1}')
    taker._follow(orders(("a", PARAMS, 0)))
    ((trial, reason),) = taker.broker.failed
    assert trial == "a"
    assert "midway.json" in reason
