"""What is checked after a kill sees what is lost, doubled or different."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.kept import Kept, differs, doubled, lost, read_kept


def record(name: str, number: int, *, status: str = "finished", legs: int = 2, **params: Any) -> dict[str, Any]:
    epochs = [{"epoch": float(leg + 1), "f1": 0.7, "train_loss": 0.5} for leg in range(legs)]
    return {
        "trial_id": name,
        "number": number,
        "status": status,
        "params": {"c": number, **params},
        "epochs": epochs,
    }


def kept(*records: dict[str, Any], selected: str = "a", **optuna: int) -> Kept:
    failed = sum(one["status"] == "failed" for one in records)
    entry = {"trial_id": selected, "num_trials": len(records), "num_failed_trials": failed}
    entry |= {"test": {"f1": 0.8}, "params": {"c": 1}}
    return Kept({one["trial_id"]: one for one in records}, {"mlp": entry}, optuna)


GOOD = kept(record("a", 1), record("b", 2), COMPLETE=2)


def test_nothing_is_wrong_with_what_is_whole() -> None:
    assert lost(GOOD.records, GOOD, family="mlp", trials=2) == []
    assert doubled(GOOD, 2) == []
    assert differs(GOOD, GOOD, "mlp") == []


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (kept(record("a", 1), record("c", 2)), ["record b"]),
        (kept(record("a", 1), record("b", 2, legs=1)), ["record b"]),
        (kept(record("a", 1), record("b", 2, legs=3)), ["record b"]),
        (kept(record("a", 1), record("b", 2, more=1)), ["record b"]),
        (
            kept(record("a", 1, status="failed"), record("b", 2)),
            ["1 of 2 trials", "record a", "the selected trial is failed"],
        ),
        (Kept(GOOD.records), ["the entry"]),
        (Kept(GOOD.records, {"mlp": {**GOOD.entries["mlp"], "num_trials": 3}}), ["the entry counts 3 finished trials"]),
    ],
)
def test_what_is_lost_is_seen(after: Kept, found: list[str]) -> None:
    assert lost(GOOD.records, after, family="mlp", trials=2) == found


def test_a_stopped_trial_may_get_the_leg_that_a_pack_trained_ahead() -> None:
    before = {"b": record("b", 2, status="stopped", legs=1)}
    after = kept(record("a", 1), record("b", 2, status="stopped", legs=2))
    assert lost(before, after, family="mlp", trials=2) == []


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (kept(record("a", 1), record("b", 2), record("c", 3)), "3 finished trials for 2"),
        (kept(record("a", 1), record("b", 1, other=1)), "number 1"),
        (kept(record("a", 1), {**record("b", 2), "params": {"c": 1}}), 'params {"c": 1}'),
        (kept(record("a", 1), record("b", 2), COMPLETE=3), "3 complete trials in studies.db, 2 records"),
        (kept(record("a", 1), {**record("b", 2), "epochs": [{"epoch": 1.0}] * 2}), "epochs [1.0, 1.0] of b"),
    ],
)
def test_what_is_doubled_is_seen(after: Kept, found: str) -> None:
    assert doubled(after, 2) == [found]


def test_another_loss_of_the_same_trial_is_seen() -> None:
    other = record("z", 1)
    other["epochs"][1]["train_loss"] = 0.6
    assert differs(kept(other, selected="z", COMPLETE=1), GOOD, "mlp") == ["epoch 2 of z: loss 0.60000, not 0.50000"]


def test_a_results_directory_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "s" / "mlp" / "trials"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(GOOD.records["a"]))
    (tmp_path / "leaderboard.json").write_text(json.dumps({"entries": [{**GOOD.entries["mlp"], "family": "mlp"}]}))
    assert list(read_kept(tmp_path).done) == ["a"]
    assert read_kept(tmp_path).entries["mlp"]["trial_id"] == "a"
