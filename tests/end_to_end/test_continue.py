"""`reviewtune tune --continue`: two epochs of a finished entry become three."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Program, StudyRun

EPOCHS = 2
"""Of the study's QLoRA trials."""


@dataclass(frozen=True)
class Before:
    """A finished study, and the words that made it."""

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


@pytest.fixture
def before(study: StudyRun, reviews_csv: Path, tmp_path: Path) -> Iterator[Before]:
    """A copy of the study of these tests; its data are gone meanwhile."""
    results, away = tmp_path / "results", reviews_csv.with_suffix(".away")
    shutil.copytree(study.results, results)
    words = [str(results) if word == str(study.results) else word for word in study.words]
    reviews_csv.rename(away)
    try:
        yield Before(results, words)
    finally:
        away.rename(reviews_csv)


def continuation(before: Before) -> list[str]:
    return [
        "tune",
        "--continue",
        before.name("qlora"),
        "--epochs",
        str(EPOCHS + 1),
        "--results-dir",
        str(before.results),
    ]


def refusal(reviewtune: Program, before: Before, entry: str, epochs: int) -> str:
    done = reviewtune("tune", "--continue", entry, "--epochs", epochs, "--results-dir", before.results)
    assert done.code == 2
    assert done.err.count("\n") == 1
    return done.err


@pytest.mark.slow
def test_what_cannot_go_on_says_what_can(reviewtune: Program, before: Before) -> None:
    qlora, tfidf = before.name("qlora"), before.name("tfidf")
    unknown = refusal(reviewtune, before, "nothing", EPOCHS + 1)
    assert qlora in unknown
    assert tfidf in unknown
    assert f"these entries have one: {qlora}" in refusal(reviewtune, before, tfidf, EPOCHS + 1)
    assert f"has done {EPOCHS} already; give at least {EPOCHS + 1}" in refusal(reviewtune, before, qlora, EPOCHS)


@pytest.mark.slow
def test_a_dry_run_says_what_would_go_on(reviewtune: Program, before: Before) -> None:
    study, _, _ = before.name("qlora").rpartition("-")
    records = before.records()
    for entry in (study, f"{study}/qlora", str(before.results / "artifacts" / before.name("qlora"))):
        done = reviewtune("tune", "--continue", entry, "--epochs", 5, "--results-dir", before.results, "--dry-run")
        assert done.code == 0, done.err
        assert f"goes on from epoch {EPOCHS} to 5" in " ".join(done.err.split())
    assert before.records() == records


def goes_on(reviewtune: Program, before: Before) -> dict[str, Any]:
    """Continue the entry of QLoRA; the record of the trial that has gone on."""
    records = before.records()
    old = records[before.entries()["qlora"]["trial_id"]]
    done = reviewtune(*continuation(before))
    assert done.code == 0, done.err
    after = before.records()
    new = after.pop(f"{old['trial_id']}-to-{EPOCHS + 1}")
    assert after == records
    assert [epoch["epoch"] for epoch in new["epochs"]] == [1, 2, 3]
    assert new["epochs"][:EPOCHS] == old["epochs"]
    assert new["params"] == {**old["params"], "epochs": EPOCHS + 1}
    assert (new["number"], new["status"], new["is_default"]) == (len(records) + 1, "finished", False)
    return new


def test_a_finished_entry_goes_on_to_another_epoch(reviewtune: Program, before: Before) -> None:
    first, ensemble = before.entries()["qlora"], before.entries()["ensemble"]
    opened, records = predictions(before).stat().st_mtime_ns, before.records()
    new = goes_on(reviewtune, before)
    entry = before.entries()["qlora"]
    assert entry["num_trials"] == len(records) + 1
    # The new one may be selected, or lose to the one that it went on from.
    is_new = entry["trial_id"] == new["trial_id"]
    assert is_new or entry["trial_id"] == first["trial_id"]
    selected = new if is_new else records[entry["trial_id"]]
    assert entry["validation"]["f1"] == max(epoch["f1"] for epoch in selected["epochs"])
    changed = entry["trial_id"] != first["trial_id"]
    assert (predictions(before).stat().st_mtime_ns > opened) == changed
    assert entry["test"] == first["test"] or changed
    together = before.entries()["ensemble"]
    assert (together["trial_id"] != ensemble["trial_id"]) == changed
    card = json.loads((before.results / entry["artifact"] / "reviewtune.json").read_text())
    assert card["trial_id"] == selected["trial_id"]


@pytest.mark.slow
def test_a_continuation_and_the_study_itself_still_resume(
    reviewtune: Program, before: Before, reviews_csv: Path
) -> None:
    goes_on(reviewtune, before)
    entry, records = before.entries()["qlora"], before.records()
    again = reviewtune(*continuation(before))
    assert again.code == 0, again.err
    assert "tuning" not in again.err
    shutil.copy(reviews_csv.with_suffix(".away"), reviews_csv)
    done = reviewtune(*before.study)
    assert done.code == 0, done.err
    assert before.records() == records
    assert before.entries()["qlora"]["num_trials"] == entry["num_trials"] == len(records)


def predictions(before: Before) -> Path:
    (path,) = before.results.glob("studies/*/qlora/test_predictions.parquet")
    return path
