"""The demo, whole: what a newcomer sees first."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Program


@pytest.mark.slow
def test_the_demo_ends_with_a_board_that_teaches(reviewtune: Program, tmp_path: Path) -> None:
    done = reviewtune("demo", "--results-dir", tmp_path, timeout=580)
    assert done.code == 0, done.err
    board = json.loads((tmp_path / "leaderboard.json").read_text())["entries"]
    entries = {entry["family"]: entry for entry in board}
    assert set(entries) == {"tfidf", "rules", "logreg", "svm", "mlp", "qlora", "ensemble"}
    ensemble = entries.pop("ensemble")
    assert ensemble["test"]["f1_high"] > max(entry["test"]["f1"] for entry in entries.values())
    for entry in entries.values():
        assert (entry["status"], entry["num_trials"], entry["num_failed_trials"]) == ("finished", 4, 0)
        assert entry["validation"]["f1"] >= entry["default_validation_f1"]
        assert entry["cost"]["fit_seconds"] > 0
    counting = entries.pop("tfidf")["test"]["f1"]
    assert counting < 0.75, "counting words must not tell the sample's fakes"
    surface = entries.pop("rules")["test"]["f1"]
    assert surface < 0.75, "nor must the look of a text"
    assert min(entry["test"]["f1"] for entry in entries.values()) > counting + 0.1
    qlora = entries["qlora"]
    assert qlora["validation"]["f1"] > qlora["default_validation_f1"], "the search must pay"
