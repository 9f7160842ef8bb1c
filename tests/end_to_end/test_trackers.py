"""Small studies in this process, logged to real trackers that need no server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

from tests.end_to_end.in_process import Told, run, small_config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_ray")]

TRIALS, FOLDS = 2, 2
FAMILIES = ["rules", "qlora", "ensemble"]


def study(tracker: str, tiny_base: Callable[[str], Path], folder: Path) -> Told:
    changes: dict[str, Any] = {"num_trials": TRIALS, "finalists": 1, "folds": FOLDS, "tracker": tracker}
    return run(small_config(folder, tiny_base("bert"), families=FAMILIES, **changes))


def test_mlflow_has_every_trial_the_board_and_the_artifacts(
    tiny_base: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow: Any = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = study("mlflow", tiny_base, tmp_path)
    results = told.config.results_dir.resolve()
    assert told.said(rf"trials are logged to mlflow: sqlite:///{results}/mlflow.db")
    assert not told.said("nothing more is logged")
    client = mlflow.MlflowClient(f"sqlite:///{results / 'mlflow.db'}")
    (experiment,) = [each for each in client.search_experiments() if each.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    by_trial = {run.data.tags["trial_id"]: run for run in runs if "trial_id" in run.data.tags}
    for family in ("rules", "qlora"):
        for record in told.records(family):
            logged = by_trial[record["trial_id"]]
            assert logged.data.tags["status"] == record["status"]
            assert logged.info.run_name == record["name"]
            assert logged.data.params == {name: str(value) for name, value in record["params"].items()}
            curve = client.get_metric_history(logged.info.run_id, "validation_f1")
            assert [each.value for each in curve] == [epoch["f1"] for epoch in record["epochs"]]
        assert sum(run.data.tags["fold"] != "search" for run in by_trial.values()) >= 2 * FOLDS
    (board,) = [run for run in runs if run.info.run_name.endswith(" board")]
    assert board.data.metrics["qlora/test_f1"] == pytest.approx(told.entries["qlora"]["test"]["f1"])
    kept = {each.path for each in client.list_artifacts(board.info.run_id, "artifacts")}
    assert kept == {entry["artifact"] for entry in told.entries.values()}
    assert_named(told)


def test_wandb_has_a_run_a_trial_and_the_board_in_files(
    tiny_base: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="needs the extra wandb")
    from tests.unit.tuning.test_wandb_runs import written

    monkeypatch.setenv("WANDB_MODE", "offline")
    told = study("wandb", tiny_base, tmp_path)
    assert not told.said("nothing more is logged")
    files = list((told.config.results_dir / "wandb").glob("offline-run-*/*.wandb"))
    kept = written(told.config.results_dir / "wandb")
    records = [record for family in ("rules", "qlora") for record in told.records(family)]
    assert all(record["name"].encode() in kept for record in records)
    assert all(record["trial_id"].encode() in kept for record in records)
    assert b" board" in kept
    assert len(files) > len(records) + 2 * FOLDS


def assert_named(told: Told) -> None:
    """TensorBoard's folders and Optuna's history are called as the records are."""
    results = told.config.results_dir
    studies = optuna.get_all_study_names(RDBStorage(f"sqlite:///{results / 'studies.db'}"))
    history = [
        trial.user_attrs["name"]
        for name in studies
        for trial in optuna.load_study(
            study_name=name, storage=RDBStorage(f"sqlite:///{results / 'studies.db'}")
        ).trials
    ]
    for family in ("rules", "qlora"):
        for record in told.records(family):
            assert record["name"].startswith(f"{family}-")
            assert record["name"] in history
            (folder,) = results.glob(f"studies/*/{family}/tune/*_{record['trial_id']}")
            assert folder.name.startswith(f"{record['name'].partition(' ')[0]}-")
            assert list(folder.glob("events.out.tfevents.*"))
