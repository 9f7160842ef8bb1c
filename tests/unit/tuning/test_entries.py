import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.artifact import ArtifactInfo, write_artifact
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, Entry, Provenance, entry_path
from reviewtune.tuning import entries
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.entries import known_entry, scored_entry
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE
from reviewtune.tuning.records import EpochRecord, TrialRecord
from tests.faults.damage import DAMAGES

FOUR_FOLDS, FIVE_FOLDS = SimpleNamespace(f1=0.9, folds=4), SimpleNamespace(f1=0.9, folds=5)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A family whose trial `a` was assessed before, with all that an assessment leaves."""
    path = entry_path(tmp_path, "s", "svm")
    path.parent.mkdir(parents=True)
    for name in (path.name, PREDICTIONS_FILE, VALIDATION_PREDICTIONS_FILE):
        path.with_name(name).touch()
    write_artifact(tmp_path / "artifact", info("a"), Model())
    kept = SimpleNamespace(
        test=0.9,
        trial_id="a",
        selection=FOUR_FOLDS,
        validation=SimpleNamespace(f1=0.8),
        max_fpr=None,
        prevalence=None,
        provenance=SimpleNamespace(data_sha256="d", split_sha256="s"),
        model_copy=lambda update: "kept",
    )
    monkeypatch.setattr(entries, "read_entry", lambda _: kept)
    study = SimpleNamespace(
        study_id="s",
        config=SimpleNamespace(results_dir=tmp_path, max_fpr=None, prevalence=None),
        artifact=lambda family: "artifact",
        inputs=SimpleNamespace(reviews=SimpleNamespace(sha256="d"), split=SimpleNamespace(sha256="s")),
    )
    return SimpleNamespace(results_dir=tmp_path, name="svm", study=study, trained_share=0.25)


def info(trial_id: str, **other: Any) -> ArtifactInfo:
    values: dict[str, Any] = {
        "family": "svm", "encoder": None, "params": {}, "calibration": PlattCalibration(slope=1.0, intercept=0.0),
        "threshold": 0.5, "study_id": "s", "trial_id": trial_id, "data": "d", "data_sha256": "0" * 64,
        "split_sha256": "0" * 64, "validation_f1": 0.9, "code": "c", "versions": {},
        "created": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return ArtifactInfo(**{**values, **other})


class Model:
    """Of two files."""

    def save(self, folder: Path) -> None:
        (folder / "weights").write_bytes(b"0123")
        (folder / "more").mkdir()
        (folder / "more" / "weights").write_bytes(b"4567")


def known(run: Any, trial_id: str, selection: Any = None) -> Any:
    fresh: Any = SimpleNamespace(trials=[], num_trials=2, num_failed_trials=0, default_validation_f1=0.5)
    chosen: Any = SimpleNamespace(record=SimpleNamespace(trial_id=trial_id), selection=selection)
    return known_entry(run, chosen, fresh)


def test_the_entry_of_the_selected_trial_is_kept_and_that_of_another_is_not(run: Any) -> None:
    assert known(run, "a") == "kept"
    assert known(run, "b") is None


def test_an_entry_that_other_folds_have_chosen_is_made_anew(run: Any) -> None:
    """One that folds have chosen stays where none are asked for, as when a trial goes on for longer."""
    assert known(run, "a", FOUR_FOLDS) == "kept"
    assert known(run, "a", FIVE_FOLDS) is None
    assert known(run, "a", None) == "kept"


@pytest.mark.parametrize("name", ["entry.json", PREDICTIONS_FILE, VALIDATION_PREDICTIONS_FILE])
def test_an_assessment_that_lacks_a_file_is_done_again(run: Any, name: str) -> None:
    entry_path(run.results_dir, "s", "svm").with_name(name).unlink()
    assert known(run, "a") is None


@pytest.mark.parametrize("part", ["reviews", "split"])
def test_so_is_one_of_other_reviews_or_another_split(run: Any, part: str) -> None:
    getattr(run.study.inputs, part).sha256 = "other"
    assert known(run, "a") is None


@pytest.mark.parametrize(("name", "asked"), [("max_fpr", 0.01), ("prevalence", 0.1)])
def test_so_is_one_of_another_operating_point(run: Any, name: str, asked: float | None) -> None:
    setattr(run.study.config, name, asked)
    assert known(run, "a") is None


def test_so_is_one_whose_artifact_was_deleted(run: Any) -> None:
    shutil.rmtree(run.results_dir / "artifact")
    assert known(run, "a") is None


@pytest.mark.parametrize("name", ["reviewtune.json", "weights", "more/weights", "files.json"])
@pytest.mark.parametrize("how", ["torn", "truncated", "zeroed"])
def test_so_is_one_whose_artifact_is_damaged(run: Any, name: str, how: str) -> None:
    assert known(run, "a") == "kept"
    DAMAGES[how](run.results_dir / "artifact" / name)
    assert known(run, "a") is None


@pytest.mark.parametrize("name", ["reviewtune.json", "weights", "more/weights"])
def test_so_is_one_whose_artifact_lacks_a_file(run: Any, name: str) -> None:
    (run.results_dir / "artifact" / name).unlink()
    assert known(run, "a") is None


def test_so_is_one_whose_artifact_is_of_another_trial(run: Any) -> None:
    write_artifact(run.results_dir / "artifact", info("b"), Model())
    assert known(run, "a") is None


AT_FIVE_PERCENT = calibrated(np.arange(200.0), np.arange(200) >= 100, np.arange(200), max_fpr=0.05)


@pytest.mark.parametrize("later", [{"validation_f1": 0.85}, vars(AT_FIVE_PERCENT)], ids=["folds", "operating point"])
def test_so_is_one_whose_artifact_a_later_assessment_has_replaced(run: Any, later: dict[str, Any]) -> None:
    """It was cut off before it wrote its own entry, and what was asked for then is asked for no more."""
    write_artifact(run.results_dir / "artifact", info("a", **later), Model())
    assert known(run, "a") is None


def test_an_entry_of_the_validation_split_is_of_its_artifact(run: Any) -> None:
    write_artifact(run.results_dir / "artifact", info("a", validation_f1=0.8), Model())
    assert known(run, "a") == "kept"


def test_what_is_added_to_an_artifact_or_written_in_its_card_is_no_damage(run: Any) -> None:
    """Nor is it one of an earlier version, which did not note its files."""
    artifact = run.results_dir / "artifact"
    (artifact / "README.md").write_text("Scores elsewhere")
    (artifact / "transfer.json").write_text("{}")
    assert known(run, "a") == "kept"
    (artifact / "files.json").unlink()
    assert known(run, "a") == "kept"


def test_the_cost_is_that_of_all_trainings_and_what_they_left(run: Any) -> None:
    """Two trials of the search and one on a fold, and a file of 2,000 bytes."""
    run.folder = run.results_dir / "family"
    run.folder.mkdir()
    (run.folder / "model").write_bytes(b"x" * 2000)
    run.artifact = "artifact"
    epoch = EpochRecord(epoch=1, f1=0.8, accuracy=0.7, roc_auc=0.9, fit_seconds=3.0)
    trials = [
        TrialRecord(trial_id=name, number=1, params={"C": 1}, status="finished", epochs=[epoch], device="GPU")
        for name in "ab"
    ]
    run.finalists = SimpleNamespace(read=lambda: [trials[0]])
    entry = entry_of_nothing()
    scored = scored_entry(entry, Chosen(trials[1], 1.0, [], 2.5), trials, test=None, speed=7.0, run=run)
    assert scored.cost is not None
    assert (scored.cost.disk_bytes, scored.cost.study_seconds, scored.cost.fit_seconds) == (2000, 9.0, 2.5)
    assert (scored.cost.device, scored.cost.reviews_per_second) == ("GPU", 7.0)
    assert scored.cost.study_joules is None
    assert (scored.trial_id, scored.artifact, scored.trained_share) == ("b", "artifact", 0.25)
    assert (scored.validation.f1, scored.validation.value) == (0.8, None)
    other = scored_entry(
        entry.model_copy(update={"objective": "log_loss"}),
        Chosen(trials[1].model_copy(update={"epochs": [epoch.model_copy(update={"judged": -0.2})]}), 1.0, [], 2.5),
        trials,
        test=None,
        speed=7.0,
        run=run,
    )
    assert other.validation.value == 0.2


def test_the_energy_is_that_of_all_trainings(run: Any) -> None:
    run.folder, run.artifact = run.results_dir, "artifact"
    trials = [
        TrialRecord(
            trial_id=name, number=1, params={"C": 1}, status="finished", device="GPU",
            epochs=[EpochRecord(epoch=1, f1=0.8, accuracy=0.7, roc_auc=0.9, fit_seconds=3.0, gpu_joules=900.0)],
        )
        for name in "ab"
    ]  # fmt: skip
    run.finalists = SimpleNamespace(read=lambda: [trials[0]])
    scored = scored_entry(entry_of_nothing(), Chosen(trials[1], 1.0, [], 2.5), trials, test=None, speed=7.0, run=run)
    assert scored.cost is not None
    assert scored.cost.study_joules == 2700


def entry_of_nothing() -> Any:
    about = {"data": "d", "data_sha256": "d", "split_sha256": "s", "code": "c", "versions": {}, "seed": 1}
    created = "2026-01-01T00:00:00+00:00"
    return Entry(
        study_id="s",
        family="svm",
        encoder=None,
        status="finished",
        params={},
        num_trials=2,
        provenance=Provenance(**about, hardware="CPU", created=created),
    )
