"""What a tracker is told of a study, and what its failures cost."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reviewtune.errors import StudyError, UsageError
from reviewtune.leaderboard.scores import SourceScores, Unseen
from reviewtune.tuning import tracking
from reviewtune.tuning.mlflow_runs import store_in
from reviewtune.tuning.records import EpochRecord, TrialRecord
from reviewtune.tuning.tracking import Tracking, measured, open_tracking
from tests.unit.leaderboard.conftest import entry_of


def record(*legs: int, trial_id: str = "a", **changes: Any) -> TrialRecord:
    epochs = [EpochRecord(epoch=leg, leg=leg, f1=0.1 * leg, accuracy=0.5, roc_auc=0.6, fit_seconds=leg) for leg in legs]
    fields = {"number": 0, "params": {"C": 1.0}, "status": "running"}
    return TrialRecord(trial_id=trial_id, epochs=epochs, **{**fields, **changes})


class Noted:
    """Notes what it is told; `fails` is the call that raises."""

    place = "nowhere"

    def __init__(self, fails: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fails = fails

    def _note(self, *call: Any) -> None:
        if call[0] == self.fails:
            raise ConnectionError("gone\naway.")
        self.calls.append(call)

    def start(self, family: str, record: TrialRecord) -> None:
        self._note("start", family, record.trial_id)

    def leg(self, record: TrialRecord, legs: list[EpochRecord]) -> None:
        self._note("leg", record.trial_id, [leg.leg for leg in legs])

    def end(self, record: TrialRecord) -> None:
        self._note("end", record.trial_id, record.status)

    def board(self, metrics: Any, files: list[Path], artifacts: Any) -> None:
        self._note("board", dict(metrics), [path.name for path in files], dict(artifacts))


def test_each_leg_is_told_once_whatever_is_told_again() -> None:
    noted = Noted()
    told = Tracking(noted, "noted", print)
    for event, legs in (("started", []), ("started", []), ("leg", [1]), ("leg", [1]), ("leg", [1, 2, 3])):
        told.trial("svm", event, record(*legs))
    told.trial("svm", "ended", record(1, 2, 3, status="finished"))
    assert noted.calls == [
        ("start", "svm", "a"),
        ("leg", "a", [1]),
        ("leg", "a", [2, 3]),
        ("end", "a", "finished"),
    ]


def test_a_trial_that_goes_on_has_its_legs_of_before() -> None:
    noted = Noted()
    told = Tracking(noted, "noted", print)
    told.trial("qlora", "started", record(1, 2))
    told.trial("qlora", "leg", record(1, 2, 3))
    assert noted.calls[1:] == [("leg", "a", [1, 2]), ("leg", "a", [3])]


def test_legs_of_earlier_versions_have_no_numbers() -> None:
    noted = Noted()
    old = [EpochRecord(epoch=epoch, f1=0.5, accuracy=0.5, roc_auc=0.5, fit_seconds=1) for epoch in (1, 2)]
    told = Tracking(noted, "noted", print)
    told.trial("svm", "leg", record().model_copy(update={"epochs": old[:1]}))
    told.trial("svm", "leg", record().model_copy(update={"epochs": old}))
    assert [len(call[2]) for call in noted.calls[1:]] == [1, 1]


def test_the_board_has_scores_files_and_the_artifacts_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "leaderboard.json").touch()
    (tmp_path / "leaderboard.html").touch()
    (tmp_path / "artifacts" / "s1-svm").mkdir(parents=True)
    source = SourceScores(
        source="x", num_reviews=4, num_fake=2, f1=0.25, f1_low=0.1, f1_high=0.5, precision=0.5, recall=0.5, fpr=0.5,
        roc_auc=0.5, tpr_at_fpr_01=0.1, tpr_at_fpr_001=0.1,
    )  # fmt: skip
    entries = [entry_of("svm", unseen=Unseen.of([source])), entry_of("mlp"), entry_of("rules", test=None)]
    noted = Noted()
    Tracking(noted, "noted", print).finish(entries, tmp_path)
    ((_, metrics, files, artifacts),) = noted.calls
    assert metrics["svm/test_f1"] == pytest.approx(0.9)
    assert metrics["svm/unseen_f1"] == 0.25
    assert "mlp/unseen_f1" not in metrics
    assert not any(name.startswith("rules/") for name in metrics)
    assert files == ["leaderboard.json", "leaderboard.html"]
    assert artifacts == {"s1-svm": tmp_path / "artifacts" / "s1-svm"}


@pytest.mark.parametrize("fails", ["start", "leg", "end", "board"])
def test_a_tracker_that_fails_is_given_up_and_said_once(fails: str, tmp_path: Path) -> None:
    said: list[str] = []
    noted = Noted(fails)
    told = Tracking(noted, "noted", said.append)
    for trial_id in "ab":
        for event, legs in (("started", []), ("leg", [1]), ("ended", [1])):
            told.trial("svm", event, record(*legs, trial_id=trial_id, status="finished"))
    told.finish([], tmp_path)
    assert said == ["nothing more is logged to noted (gone away); the study goes on"]
    assert fails not in {call[0] for call in noted.calls}


def test_trials_that_a_study_leaves_running_are_ended() -> None:
    noted = Noted()
    told = Tracking(noted, "noted", print)
    told.trial("svm", "started", record(trial_id="a"))
    told.trial("svm", "started", record(trial_id="b"))
    told.trial("svm", "ended", record(trial_id="b", status="finished"))
    told.close()
    told.close()
    assert noted.calls[2:] == [("end", "b", "finished"), ("end", "a", "lost")]


def test_no_tracker_is_none(tmp_path: Path) -> None:
    assert open_tracking(None, "s", tmp_path, print) is None


def test_one_that_is_not_installed_is_said_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"--tracker wandb: it is not installed: run `pip install 'reviewtune\[wandb\]'`"
    ):
        open_tracking("wandb", "s", tmp_path, print)


def opened(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    module = ModuleType("some_tracker")
    module.Made = make  # type: ignore[attr-defined]
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    monkeypatch.setattr(tracking, "import_module", lambda name: module)
    monkeypatch.setitem(tracking.TRACKERS, "mlflow", "some_tracker:Made")


def test_one_that_opens_says_where_it_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    opened(monkeypatch, lambda study_id, results_dir: Noted())
    assert isinstance(open_tracking("mlflow", "s", tmp_path, said.append), Tracking)
    assert said == ["trials are logged to mlflow: nowhere"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError("no\nroute"),
            r"--tracker mlflow takes nothing \(no route\): check its environment variables, or leave ",
        ),
        (StudyError("log in"), "^log in$"),
    ],
)
def test_one_that_does_not_open_ends_the_study_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(study_id: str, results_dir: Path) -> None:
        raise error

    opened(monkeypatch, fail)
    with pytest.raises(StudyError, match=said):
        open_tracking("mlflow", "s", tmp_path, print)


def test_what_a_leg_measured_has_names_of_its_own() -> None:
    leg = EpochRecord(epoch=1, leg=2, f1=0.5, accuracy=0.6, roc_auc=0.7, fit_seconds=3, train_loss=0.1)
    assert measured(leg) == {
        "epoch": 1, "validation_f1": 0.5, "validation_accuracy": 0.6, "validation_roc_auc": 0.7, "fit_seconds": 3,
        "train_loss": 0.1,
    }  # fmt: skip


def test_a_folder_that_no_url_can_name_is_refused(tmp_path: Path) -> None:
    assert store_in(tmp_path / "a%20b") == f"sqlite:///{tmp_path}/a%20b/mlflow.db"
    with pytest.raises(StudyError, match="question mark"):
        store_in(tmp_path / "a?b")
