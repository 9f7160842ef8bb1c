"""`reviewtune tune --continue`: three epochs of MiniLM on the sample corpus become five."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reviewtune.data.sample import generate
from tests.end_to_end.conftest import Program

SPACE = '{"qlora": {"epochs": 3, "batch_size": 8, "learning_rate": 0.001, "alpha": ["r", "2r"]}}'


@dataclass(frozen=True)
class Before:
    """A finished study of two families, one trial each, and their ensemble."""

    results: Path
    study: list[str]

    def entries(self) -> dict[str, dict[str, Any]]:
        board = json.loads((self.results / "leaderboard.json").read_text())
        return {entry["family"]: entry for entry in board["entries"]}

    def records(self) -> dict[str, dict[str, Any]]:
        paths = self.results.glob("studies/*/qlora/trials/*.json")
        return {path.stem: json.loads(path.read_text()) for path in paths}

    def name(self, family: str) -> str:
        return Path(self.entries()[family]["artifact"]).name


@pytest.fixture(scope="module")
def before(reviewtune: Program, tmp_path_factory: pytest.TempPathFactory) -> Before:
    folder = tmp_path_factory.mktemp("continue")
    with (folder / "few.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows({"text": row["text"], "label": row["label"]} for row in generate(90, seed=3).to_pylist())
    study = ["tune", "--data", str(folder / "few.csv"), "--results-dir", str(folder / "results"), "--num-trials", "1"]
    study += ["--families", "tfidf,qlora,ensemble", "--space", SPACE, "--test-size", "0.3", "--validation-size", "0.2"]
    study += ["--finalists", "1", "--folds", "2"]
    done = reviewtune(*study)
    assert done.code == 0, done.err
    (folder / "few.csv").unlink()
    return Before(folder / "results", study)


def continuation(before: Before) -> list[str]:
    return ["tune", "--continue", before.name("qlora"), "--epochs", "5", "--results-dir", str(before.results)]


def refusal(reviewtune: Program, before: Before, entry: str, epochs: int) -> str:
    done = reviewtune("tune", "--continue", entry, "--epochs", epochs, "--results-dir", before.results)
    assert done.code == 2
    assert done.err.count("\n") == 1
    return done.err


@pytest.mark.slow
def test_what_cannot_go_on_says_what_can(reviewtune: Program, before: Before) -> None:
    qlora, tfidf = before.name("qlora"), before.name("tfidf")
    unknown = refusal(reviewtune, before, "nothing", 5)
    assert qlora in unknown
    assert tfidf in unknown
    assert f"these entries have one: {qlora}" in refusal(reviewtune, before, tfidf, 5)
    assert "has done 3 already; give at least 4" in refusal(reviewtune, before, qlora, 3)


@pytest.mark.slow
def test_a_dry_run_says_what_would_go_on(reviewtune: Program, before: Before) -> None:
    study, _, _ = before.name("qlora").rpartition("-")
    for entry in (study, f"{study}/qlora", str(before.results / "artifacts" / before.name("qlora"))):
        done = reviewtune("tune", "--continue", entry, "--epochs", 5, "--results-dir", before.results, "--dry-run")
        assert done.code == 0, done.err
        assert "goes on from epoch 3 to 5" in " ".join(done.err.split())
    assert len(before.records()) == 1


def test_a_finished_entry_goes_on_to_five_epochs(reviewtune: Program, before: Before) -> None:
    (old,) = before.records().values()
    first, ensemble = before.entries()["qlora"], before.entries()["ensemble"]
    opened = predictions(before).stat().st_mtime_ns
    words = continuation(before)
    done = reviewtune(*words)
    assert done.code == 0, done.err
    records = before.records()
    new = records.pop(f"{old['trial_id']}-to-5")
    assert records == {old["trial_id"]: old}
    assert [epoch["epoch"] for epoch in new["epochs"]] == [1, 2, 3, 4, 5]
    assert new["epochs"][:3] == old["epochs"]
    assert new["params"] == {**old["params"], "epochs": 5}
    assert (new["number"], new["status"], new["is_default"]) == (2, "finished", False)
    entry = before.entries()["qlora"]
    f1 = {record["trial_id"]: max(epoch["f1"] for epoch in record["epochs"]) for record in (old, new)}
    selected = new if f1[new["trial_id"]] > f1[old["trial_id"]] else old
    assert entry["trial_id"] == selected["trial_id"]
    assert entry["validation"]["f1"] == f1[selected["trial_id"]]
    assert entry["num_trials"] == 2
    assert (predictions(before).stat().st_mtime_ns > opened) == (selected is new)
    assert (entry["test"] == first["test"]) or selected is new
    together = before.entries()["ensemble"]
    assert (together["trial_id"] != ensemble["trial_id"]) == (selected is new)
    card = json.loads((before.results / entry["artifact"] / "reviewtune.json").read_text())
    assert card["trial_id"] == selected["trial_id"]

    kept = {path: path.stat().st_mtime_ns for path in before.results.glob("studies/*/qlora/trials/*.json")}
    again = reviewtune(*words)
    assert again.code == 0, again.err
    assert "tuning" not in again.err
    assert before.entries()["qlora"] == entry
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.slow
def test_the_study_itself_still_resumes(reviewtune: Program, before: Before, tmp_path: Path) -> None:
    table = generate(90, seed=3).to_pylist()
    with Path(before.study[2]).open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows({"text": row["text"], "label": row["label"]} for row in table)
    for words in (continuation(before), before.study):
        done = reviewtune(*words)
        assert done.code == 0, done.err
    assert len(before.records()) == 2
    assert before.entries()["qlora"]["num_trials"] == 2


def predictions(before: Before) -> Path:
    (path,) = before.results.glob("studies/*/qlora/test_predictions.parquet")
    return path
