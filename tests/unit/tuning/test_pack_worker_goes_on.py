"""Trials that go on in another pack worker than they began in."""

import json
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.tuning.keeping import LAST, PROGRESS_FILE
from reviewtune.tuning.meter import DeviceMeter
from reviewtune.tuning.midway import MIDWAY_FILE
from reviewtune.tuning.orders import Orders
from reviewtune.tuning.records import EpochRecord, legs_with
from reviewtune.tuning.training import search_fold
from reviewtune.tuning.trial import NO_SCORE
from tests.unit.tuning.packs import PARAMS, make_worker, orders, run_leg


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


def test_a_worker_resigns_when_all_that_it_saves_is_saved(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial that has done its last leg has left its slot, while its model is still being written."""
    monkeypatch.setattr("ray.get", lambda told: told)
    worker = make_worker(tiny_bert, tmp_path)
    told: list[Any] = []
    worker.broker.resign = SimpleNamespace(remote=lambda *_: told.append(("resigned", list(worker.broker.failed))))

    def save() -> None:
        time.sleep(0.2)
        told.append("saved")
        worker._unkept.put(("a", "the disk is full"))

    worker._savers.submit(save)
    worker._resign()
    assert told == ["saved", ("resigned", [("a", "the disk is full")])]


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
