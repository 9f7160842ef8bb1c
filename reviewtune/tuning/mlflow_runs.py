"""A study as an experiment of MLflow: a run a trial, and one with the board and the artifacts."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reviewtune.errors import StudyError
from reviewtune.tuning.records import EpochRecord, TrialRecord
from reviewtune.tuning.tracking import BOARD, measured

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # A server that is away holds up every trial that tells of a leg: two tries, of 20 seconds, and it is given up.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
STATUS = {"finished": "FINISHED", "stopped": "FINISHED", "paused": "KILLED", "failed": "FAILED", "lost": "FAILED"}
LONGEST_PARAM = 500
"""Letters of a value that a server takes, at least (MLflow 3 takes 6,000)."""


def store_in(results_dir: Path) -> str:
    """The address of the store in a folder: MLflow takes URLs alone.

    Raises:
        StudyError: The folder's name would end the URL.
    """
    if "?" in str(results_dir):
        raise StudyError(
            f"--tracker mlflow keeps nothing in a folder with a question mark, as {results_dir}: set "
            "MLFLOW_TRACKING_URI, or give another --results-dir"
        )
    return f"sqlite:///{results_dir / 'mlflow.db'}"


class MlflowRuns:
    """Implements `tracking.Tracker`.

    Args:
        study_id: The experiment is called so.
        results_dir: `mlflow.db` and `mlflow-artifacts` lie there, unless MLFLOW_TRACKING_URI names another place.

    Attributes:
        place: Of its store, for people.
    """

    def __init__(self, study_id: str, results_dir: Path) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        given = os.environ.get("MLFLOW_TRACKING_URI")
        self.place = given or store_in(results_dir)
        self._client: Any = MlflowClient(self.place)
        self._study_id = study_id
        self._runs: dict[str, str] = {}
        known = self._client.get_experiment_by_name(study_id)
        artifacts = None if given else (results_dir / "mlflow-artifacts" / study_id).as_uri()
        self._experiment = known.experiment_id if known else self._client.create_experiment(study_id, artifacts)

    def start(self, family: str, record: TrialRecord) -> None:
        """See `Tracker.start`."""
        from mlflow.entities import Param

        tags = {"family": family, "trial_id": record.trial_id, "fold": record.fold}
        self._runs[record.trial_id] = run_id = self._run(record.name or f"{family} {record.trial_id}", tags)
        params = [Param(name, str(value)[:LONGEST_PARAM]) for name, value in record.params.items()]
        self._client.log_batch(run_id, params=params)

    def leg(self, record: TrialRecord, legs: list[EpochRecord]) -> None:
        """See `Tracker.leg`."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        told = [Metric(name, value, now, leg.leg) for leg in legs for name, value in measured(leg).items()]
        self._client.log_batch(self._runs[record.trial_id], metrics=told)

    def end(self, record: TrialRecord) -> None:
        """See `Tracker.end`."""
        run_id = self._runs.pop(record.trial_id)
        self._client.set_tag(run_id, "status", record.status)
        if record.error:
            self._client.set_tag(run_id, "error", record.error[:LONGEST_PARAM])
        self._client.set_terminated(run_id, STATUS[record.status])

    def board(self, metrics: Mapping[str, float], files: list[Path], artifacts: Mapping[str, Path]) -> None:
        """See `Tracker.board`."""
        run_id = self._board_of_before() or self._run(f"{self._study_id} {BOARD}", {"part": BOARD})
        for name, value in metrics.items():
            self._client.log_metric(run_id, name, value)
        for path in files:
            self._client.log_artifact(run_id, str(path), BOARD)
        for name, folder in artifacts.items():
            self._client.log_artifacts(run_id, str(folder), f"artifacts/{name}")
        self._client.set_terminated(run_id)

    def _board_of_before(self) -> str | None:
        """The run with the board, where the study's command was given before: its files are written over, not again."""
        found: Any = self._client.search_runs([self._experiment], f"tags.part = '{BOARD}'", max_results=1)
        return str(found[0].info.run_id) if found else None

    def _run(self, name: str, tags: dict[str, str]) -> str:
        run: Any = self._client.create_run(self._experiment, run_name=name, tags={"study": self._study_id, **tags})
        return str(run.info.run_id)
