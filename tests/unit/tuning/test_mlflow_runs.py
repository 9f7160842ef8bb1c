"""A study in MLflow's own store, read back by its client."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.tuning.test_tracking import record

mlflow: Any = pytest.importorskip("mlflow", reason="needs the extra mlflow")


def test_trials_and_board_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from reviewtune.tuning.mlflow_runs import MlflowRuns

    runs = MlflowRuns("study", tmp_path)
    assert runs.place == f"sqlite:///{tmp_path / 'mlflow.db'}"
    good = record(1, 2, name="svm-0 C=1", status="finished", params={"C": 1.0, "kernel": "rbf"})
    runs.start("svm", good)
    runs.leg(good, good.epochs)
    runs.end(good)
    bad = record(trial_id="b", status="failed", error="it\nbroke")
    runs.start("svm", bad)
    runs.end(bad)
    (tmp_path / "leaderboard.json").write_text("{}")
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "model.skops").write_bytes(b"0123")
    runs.board({"svm/test_f1": 0.9}, [tmp_path / "leaderboard.json"], {"study-svm": tmp_path / "artifact"})

    client = mlflow.MlflowClient(runs.place)
    experiment = client.get_experiment_by_name("study")
    by_name = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(by_name) == {"svm-0 C=1", "svm b", "study board"}
    run = by_name["svm-0 C=1"]
    assert (run.info.status, run.data.params) == ("FINISHED", {"C": "1.0", "kernel": "rbf"})
    assert (run.data.tags["family"], run.data.tags["trial_id"], run.data.tags["status"]) == ("svm", "a", "finished")
    curve = client.get_metric_history(run.info.run_id, "validation_f1")
    assert [(each.step, each.value) for each in curve] == [(1, pytest.approx(0.1)), (2, pytest.approx(0.2))]
    assert (by_name["svm b"].info.status, by_name["svm b"].data.tags["error"]) == ("FAILED", "it\nbroke")
    board = by_name["study board"]
    assert board.data.metrics == {"svm/test_f1": 0.9}
    files = {each.path for each in client.list_artifacts(board.info.run_id, "artifacts/study-svm")}
    assert files == {"artifacts/study-svm/model.skops"}
    assert [each.path for each in client.list_artifacts(board.info.run_id, "board")] == ["board/leaderboard.json"]
    assert (tmp_path / "mlflow-artifacts" / "study").is_dir()

    again = MlflowRuns("study", tmp_path)
    assert again._experiment == experiment.experiment_id
    again.board({"svm/test_f1": 0.95}, [tmp_path / "leaderboard.json"], {"study-svm": tmp_path / "artifact"})
    runs_now = client.search_runs([experiment.experiment_id])
    assert len(runs_now) == len(by_name)
    (board,) = [run for run in runs_now if run.info.run_name == "study board"]
    assert (board.info.status, board.data.metrics) == ("FINISHED", {"svm/test_f1": 0.95})


def test_another_store_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    monkeypatch.chdir(tmp_path)
    from reviewtune.tuning.mlflow_runs import MlflowRuns

    MlflowRuns("study", tmp_path / "results")
    assert (tmp_path / "other.db").is_file()
    assert not (tmp_path / "results").exists()
