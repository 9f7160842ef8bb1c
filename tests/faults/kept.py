"""What a study has kept, and what of it a fault has lost or doubled."""

import json
import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DONE = ("finished", "stopped")
"""What a record says of a trial that ended with a score."""

TOLERANCE = 1e-3
"""Between losses of the same trial in two runs, as a share."""


@dataclass(frozen=True)
class Kept:
    """What lies in a results directory of one family.

    Attributes:
        records: Of trials, by id.
        entries: Of leaderboard.json, by family.
        optuna: Trials in studies.db by their state.
    """

    records: dict[str, dict[str, Any]]
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    optuna: dict[str, int] = field(default_factory=dict)

    @property
    def done(self) -> dict[str, dict[str, Any]]:
        """The records of trials that ended with a score."""
        return {key: record for key, record in self.records.items() if record["status"] in DONE}


def read_records(results: Path, family: str = "*") -> dict[str, dict[str, Any]]:
    """The trial records, as they stand."""
    return {path.stem: json.loads(path.read_text()) for path in results.glob(f"studies/*/{family}/trials/*.json")}


def read_kept(results: Path, family: str = "*") -> Kept:
    """All that is checked of a results directory, or of one family there."""
    board = results / "leaderboard.json"
    entries = json.loads(board.read_text())["entries"] if board.is_file() else []
    # Results that lay in a bucket have a database in each study.
    database = next(results.glob("studies/*/studies.db"), results / "studies.db")
    return Kept(read_records(results, family), {entry["family"]: entry for entry in entries}, _optuna(database, family))


def finished(results: Path) -> int:
    """Trials that have ended with a score."""
    return len(Kept(read_records(results)).done)


def legs(results: Path) -> dict[str, int]:
    """Legs that each trial has kept, whose models are still there, by its id."""
    kept = {}
    for path in results.glob("studies/*/*/models/*/last/trial.json"):
        with suppress(FileNotFoundError):
            kept[path.parts[-3]] = json.loads(path.read_text()).get("leg", 0)
    return kept


def _optuna(path: Path, family: str) -> dict[str, int]:
    if not path.is_file():
        return {}
    connection = sqlite3.connect(path, timeout=30)
    try:
        counted = (
            "select state, count(*) from trials join studies using (study_id) where study_name like ? group by state"
        )
        return dict(connection.execute(counted, [f"%/{family.replace('*', '%')}"]).fetchall())
    finally:
        connection.close()


def lost(before: dict[str, dict[str, Any]], after: Kept, *, family: str, trials: int) -> list[str]:
    """What is missing, or no longer what it was, after a fault.

    Args:
        before: The records that stood at the fault.
        after: What stands when the study is done.
        family: Of the study.
        trials: How many were asked for.
    """
    found = [f"{trials - len(after.done)} of {trials} trials"] if len(after.done) < trials else []
    for key, record in before.items():
        if record["status"] not in DONE:
            continue
        kept = after.records.get(key)
        # A trial that was stopped may get the leg that a pack had trained ahead.
        legs = len(record["epochs"])
        same = kept and {**kept, "epochs": kept["epochs"][:legs]} == record
        if not same or (record["status"] == "finished" and len(kept["epochs"]) != legs):
            found.append(f"record {key}")
    entry = after.entries.get(family)
    if not entry or not entry.get("test"):
        return [*found, "the entry"]
    selected = after.records.get(entry["trial_id"], {"status": "missing"})
    if selected["status"] not in DONE:
        found.append(f"the selected trial is {selected['status']}")
    if (counted := entry["num_trials"] - entry["num_failed_trials"]) != len(after.done):
        found.append(f"the entry counts {counted} finished trials")
    return found


def doubled(after: Kept, trials: int) -> list[str]:
    """What stands there twice."""
    found = [f"{len(after.done)} finished trials for {trials}"] if len(after.done) > trials else []
    numbers = Counter(record["number"] for record in after.done.values())
    found += [f"number {number}" for number, times in numbers.items() if times > 1]
    params = Counter(json.dumps(record["params"], sort_keys=True) for record in after.done.values())
    found += [f"params {text[:60]}" for text, times in params.items() if times > 1]
    for key, record in after.records.items():
        epochs = [epoch["epoch"] for epoch in record["epochs"]]
        if epochs != [float(number + 1) for number in range(len(epochs))]:
            found.append(f"epochs {epochs} of {key}")
    if (complete := after.optuna.get("COMPLETE", 0)) > len(after.done):
        found.append(f"{complete} complete trials in studies.db, {len(after.done)} records")
    return found


def differs(after: Kept, reference: Kept, family: str) -> list[str]:
    """What the same trials measured differently from an undisturbed study, and what else is amiss in Optuna's count."""
    found = []
    by_params = {_key(record): record for record in reference.records.values()}
    for record in after.done.values():
        twin = by_params.get(_key(record))
        if twin is None:
            continue
        expected_of = {epoch["epoch"]: epoch for epoch in twin["epochs"]}
        for mine in record["epochs"]:
            theirs = expected_of.get(mine["epoch"], mine)
            loss, expected = mine.get("train_loss", 0.0), theirs.get("train_loss", 0.0)
            if abs(loss - expected) > TOLERANCE * max(1.0, abs(expected)) or mine["f1"] != theirs["f1"]:
                found.append(f"epoch {mine['epoch']:g} of {record['trial_id']}: loss {loss:.5f}, not {expected:.5f}")
                break
    mine, theirs = after.entries.get(family, {}), reference.entries[family]
    if mine.get("test") and mine["params"] == theirs["params"] and mine["test"]["f1"] != theirs["test"]["f1"]:
        found.append(f"test F1 {mine['test']['f1']:.4f}, not {theirs['test']['f1']:.4f}")
    if running := after.optuna.get("RUNNING", 0):
        found.append(f"{running} trials still running in studies.db")
    if (complete := after.optuna.get("COMPLETE", 0)) < len(after.done):
        found.append(f"{complete} complete trials in studies.db, {len(after.done)} records")
    return found


def _key(record: dict[str, Any]) -> str:
    return json.dumps(record["params"], sort_keys=True)
