"""Which entry `--continue` means, and what it says where none can go on."""

from pathlib import Path
from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.errors import ArtifactError, ReviewtuneError, StudyError, UsageError
from reviewtune.leaderboard.entry import entry_path, write_entry
from reviewtune.tuning.continuable import Continuation, find_continuation
from reviewtune.tuning.keeping import LAST
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from tests.unit.leaderboard.conftest import entry_of, failed_entry


def asked(results: Path, entry: str, epochs: int = 5, **settings: Any) -> Continuation:
    return find_continuation(StudyConfig(continue_entry=entry, epochs=epochs, results_dir=results, **settings))


def refusal(results: Path, entry: str, epochs: int = 5, kind: type[ReviewtuneError] = UsageError) -> str:
    with pytest.raises(kind) as caught:
        asked(results, entry, epochs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def add(results: Path, study: str, family: str, *, epochs: float = 3, trial: str = "t", kept: bool = True) -> None:
    """An entry whose selected trial has done some epochs, and has kept its state or not."""
    path = entry_path(results, study, family)
    write_entry(entry_of(family, study=study, trial_id=trial), path)
    scored = [
        EpochRecord(epoch=number, f1=0.5, accuracy=0.5, roc_auc=0.5, fit_seconds=1.0)
        for number in [*range(1, int(epochs)), epochs]
    ]
    record = TrialRecord(trial_id=trial, number=1, params={"epochs": 5}, status="finished", epochs=scored)
    TrialStore(path.parent / "trials").write(record)
    if kept:
        (path.parent / "models" / trial / LAST).mkdir(parents=True)
    saved = StudyConfig(results_dir=Path("elsewhere"), seed=7, gpus_per_trial=0.5)
    (path.parents[1] / "config.json").write_text(saved.model_dump_json())


@pytest.fixture
def results(tmp_path: Path) -> Path:
    add(tmp_path, "reviews-1", "qlora")
    add(tmp_path, "reviews-1", "tfidf", epochs=1, kept=False)
    add(tmp_path, "reviews-2", "qlora")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["reviews-1-qlora", "reviews-1/qlora", "reviews-1", "results/artifacts/reviews-1-qlora", "reviews-1-qlora/"]
)
def test_an_entry_goes_by_its_name_its_folder_and_its_study(results: Path, name: str) -> None:
    found = asked(results, name)
    assert (found.entry.name, found.done, found.epochs, found.trial_id) == ("reviews-1-qlora", 3, 5, "t-to-5")
    assert found.folder == results.resolve() / "studies" / "reviews-1" / "qlora"


def test_the_studys_settings_hold_but_for_place_and_resources(results: Path) -> None:
    config = asked(results, "reviews-1-qlora", seed=1).config
    assert (config.seed, config.results_dir, config.gpus_per_trial) == (7, results.resolve(), 0.5)
    assert asked(results, "reviews-1-qlora", gpus_per_trial=0.0, cpus_per_trial=2).config.gpus_per_trial == 0.0


def test_an_unknown_entry_lists_all_that_there_are(results: Path) -> None:
    said = refusal(results, "reviews-9-qlora")
    assert all(name in said for name in ("reviews-1-qlora", "reviews-1-tfidf", "reviews-2-qlora"))


def test_a_family_without_a_checkpoint_lists_the_entries_that_have_one(results: Path) -> None:
    said = refusal(results, "reviews-1-tfidf")
    assert "reviews-1-tfidf keeps no checkpoint" in said
    assert said.endswith("reviews-1-qlora, reviews-2-qlora")


def test_where_no_entry_has_a_checkpoint_it_says_which_would(tmp_path: Path) -> None:
    add(tmp_path, "reviews-1", "tfidf", kept=False)
    write_entry(failed_entry("qlora", study="reviews-1"), entry_path(tmp_path, "reviews-1", "qlora"))
    for name in ("reviews-1-tfidf", "reviews-1-qlora"):
        assert "none; a qlora trial that ends with a score keeps one" in refusal(tmp_path, name)


def test_a_study_of_two_entries_that_can_go_on_asks_which(tmp_path: Path) -> None:
    add(tmp_path, "reviews-1", "qlora")
    add(tmp_path, "reviews-1", "other")
    assert "could be reviews-1-other or reviews-1-qlora" in refusal(tmp_path, "reviews-1")


@pytest.mark.parametrize("epochs", [1, 3])
def test_epochs_that_are_done_are_refused(results: Path, epochs: int) -> None:
    assert "has done 3 already; give at least 4" in refusal(results, "reviews-1-qlora", epochs)


def test_a_trial_that_was_stopped_in_mid_epoch_goes_on_to_a_whole_one(tmp_path: Path) -> None:
    add(tmp_path, "reviews-1", "qlora", epochs=1.5)
    assert "has done 1.5 already; give at least 2" in refusal(tmp_path, "reviews-1-qlora", 1)
    assert "goes on from epoch 1.5 to 2 as t-to-2" in asked(tmp_path, "reviews-1-qlora", 2).line()


def test_a_third_of_an_epoch_is_told_in_two_digits(tmp_path: Path) -> None:
    add(tmp_path, "reviews-1", "qlora", epochs=4 / 3)
    assert "has done 1.33 already; give at least 2" in refusal(tmp_path, "reviews-1-qlora", 1)
    assert "goes on from epoch 1.33 to 2 as t-to-2" in asked(tmp_path, "reviews-1-qlora", 2).line()


def test_a_continuation_that_was_run_and_won_is_not_run_again(tmp_path: Path) -> None:
    add(tmp_path, "reviews-1", "qlora", epochs=5, trial="t-to-5")
    found = asked(tmp_path, "reviews-1-qlora", 5)
    assert (found.has_ended, found.trial_id) == (True, "t-to-5")
    assert asked(tmp_path, "reviews-1-qlora", 6).trial_id == "t-to-5-to-6"


def test_what_is_missing_is_said(results: Path, tmp_path: Path) -> None:
    refusal(tmp_path / "none", "x", kind=ArtifactError)
    (results / "studies" / "reviews-1" / "config.json").write_text("{")
    assert "run its study once more" in refusal(results, "reviews-1-qlora", kind=StudyError)
    (results / "studies" / "reviews-2" / "qlora" / "trials" / "t.json").unlink()
    assert "lacks the record of its trial t" in refusal(results, "reviews-2-qlora", kind=StudyError)


@pytest.mark.parametrize(
    ("settings", "said"), [({"continue_entry": "x"}, "needs --epochs"), ({"epochs": 3}, "--space")]
)
def test_continue_and_epochs_go_together(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StudyConfig(**settings)


def test_the_operating_point_is_what_is_asked_now_or_that_of_the_study(results: Path) -> None:
    path = results / "studies" / "reviews-2" / "config.json"
    path.write_text(StudyConfig(max_fpr=0.01, prevalence=0.05).model_dump_json())
    kept, asked_now = (asked(results, "reviews-2", **more).config for more in ({}, {"max_fpr": 0.1}))
    assert (kept.max_fpr, kept.prevalence) == (0.01, 0.05)
    assert (asked_now.max_fpr, asked_now.prevalence) == (0.1, 0.05)
