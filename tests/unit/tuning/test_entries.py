from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.leaderboard.entry import PREDICTIONS_FILE, entry_path
from reviewtune.tuning import entries
from reviewtune.tuning.entries import known_entry
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A family whose trial `a` was assessed before, with all that an assessment leaves."""
    path = entry_path(tmp_path, "s", "svm")
    path.parent.mkdir(parents=True)
    for name in (path.name, PREDICTIONS_FILE, VALIDATION_PREDICTIONS_FILE):
        path.with_name(name).touch()
    (tmp_path / "artifact").mkdir()
    kept = SimpleNamespace(
        test=0.9,
        trial_id="a",
        selection="four folds",
        provenance=SimpleNamespace(data_sha256="d", split_sha256="s"),
        model_copy=lambda update: "kept",
    )
    monkeypatch.setattr(entries, "read_entry", lambda _: kept)
    study = SimpleNamespace(
        study_id="s",
        config=SimpleNamespace(results_dir=tmp_path),
        artifact=lambda family: "artifact",
        inputs=SimpleNamespace(reviews=SimpleNamespace(sha256="d"), split=SimpleNamespace(sha256="s")),
    )
    return SimpleNamespace(results_dir=tmp_path, name="svm", study=study)


def known(run: Any, trial_id: str, selection: Any = None) -> Any:
    fresh: Any = SimpleNamespace(trials=[], num_trials=2, num_failed_trials=0, default_validation_f1=0.5)
    chosen: Any = SimpleNamespace(record=SimpleNamespace(trial_id=trial_id), selection=selection)
    return known_entry(run, chosen, fresh)


def test_the_entry_of_the_selected_trial_is_kept_and_that_of_another_is_not(run: Any) -> None:
    assert known(run, "a") == "kept"
    assert known(run, "b") is None


def test_an_entry_that_other_folds_have_chosen_is_made_anew(run: Any) -> None:
    """One that folds have chosen stays where none are asked for, as when a trial goes on for longer."""
    assert known(run, "a", "four folds") == "kept"
    assert known(run, "a", "five folds") is None
    assert known(run, "a", None) == "kept"


@pytest.mark.parametrize("name", ["entry.json", PREDICTIONS_FILE, VALIDATION_PREDICTIONS_FILE])
def test_an_assessment_that_lacks_a_file_is_done_again(run: Any, name: str) -> None:
    entry_path(run.results_dir, "s", "svm").with_name(name).unlink()
    assert known(run, "a") is None


@pytest.mark.parametrize("part", ["reviews", "split"])
def test_so_is_one_of_other_reviews_or_another_split(run: Any, part: str) -> None:
    getattr(run.study.inputs, part).sha256 = "other"
    assert known(run, "a") is None


def test_so_is_one_whose_artifact_was_deleted(run: Any) -> None:
    (run.results_dir / "artifact").rmdir()
    assert known(run, "a") is None
