"""Trainings as Ray tasks, without Ray: how many wait at a time, and what becomes of each."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.tuning import tasks
from reviewtune.tuning.keeper import RecordKeeper
from reviewtune.tuning.records import TrialStore
from reviewtune.tuning.training import Training

LEG = {"epoch": 1, "f1": 0.5, "accuracy": 0.5, "roc_auc": 0.5, "fit_seconds": 1.0, "last": True}


@pytest.mark.parametrize(("concurrent", "most"), [(1, 1), (3, 3), (9, 5)])
def test_as_many_run_at_a_time_as_trials_of_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrent: int, most: int
) -> None:
    begun: list[str] = []
    waiting: list[int] = []

    def remote(config: Any, shared: Any, trial_id: str) -> str:
        begun.append(trial_id)
        return trial_id

    def wait(left: list[str], num_returns: int) -> tuple[list[str], list[str]]:
        waiting.append(len(left))
        return left[-1:], left[:-1]

    monkeypatch.setattr("ray.put", lambda shared: shared)
    monkeypatch.setattr("ray.remote", lambda **_: lambda work: SimpleNamespace(remote=remote))
    monkeypatch.setattr("ray.wait", wait)
    monkeypatch.setattr("ray.get", lambda done: [LEG])
    store = TrialStore(tmp_path / "finalists")
    keeper = RecordKeeper(store, tmp_path / "models", tmp_path, {}, lambda event, record: None)
    monkeypatch.setattr(tasks, "make_keeper", lambda run, store: keeper)
    run: Any = SimpleNamespace(resources=SimpleNamespace(cpus=1, concurrent=concurrent))
    trainings = [Training({"x": x}, "1 of 2, seed 1") for x in range(5)]
    assignment: Any = None
    tasks.run_as_tasks(run, store, trainings, assignment)
    assert max(waiting) == most
    assert sorted(record.params["x"] for record in store.read()) == [0, 1, 2, 3, 4]
    assert {record.status for record in store.read()} == {"finished"}
