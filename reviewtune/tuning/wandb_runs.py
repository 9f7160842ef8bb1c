"""A study as a group of runs of Weights & Biases: a run a trial, and one with the board and the artifacts."""

import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from reviewtune.errors import StudyError
from reviewtune.tuning.records import EpochRecord, TrialRecord
from reviewtune.tuning.tracking import BOARD, measured

PROJECT = "reviewtune"
ENVIRONMENT = {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
LOCAL_MODES = ("offline", "disabled")
HOST = "https://api.wandb.ai"
FAILED = ("failed", "lost")
INIT_SECONDS = 60
"""That a run may take to begin: trials wait for it."""


class WandbRuns:
    """Implements `tracking.Tracker`.

    Args:
        study_id: The group of the runs is called so.
        results_dir: Its files lie in the folder `wandb` there, unless WANDB_DIR names another place.

    Attributes:
        place: Where its runs go, for people.

    Raises:
        StudyError: It logs to a server and nobody is logged in.
    """

    def __init__(self, study_id: str, results_dir: Path) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import wandb

        self._wandb: Any = wandb
        self._study_id = study_id
        self._folder = Path(os.environ.get("WANDB_DIR") or results_dir)
        self._runs: dict[str, Any] = {}
        self._project = os.environ.get("WANDB_PROJECT", PROJECT)
        offline = os.environ.get("WANDB_MODE") in LOCAL_MODES
        if not offline and not _is_logged_in():
            raise StudyError(
                "--tracker wandb asks who logs: `wandb login`, or set WANDB_API_KEY, or WANDB_MODE=offline for files"
            )
        self.place = str(self._folder / "wandb") if offline else f"project {self._project}"

    def start(self, family: str, record: TrialRecord) -> None:
        """See `Tracker.start`."""
        self._runs[record.trial_id] = self._run(
            record.name or f"{family} {record.trial_id}",
            id=f"{self._study_id}-{record.trial_id}",
            job_type=family if record.fold == "search" else f"{family} on folds",
            config={**record.params, "fold": record.fold, "trial_id": record.trial_id},
        )

    def leg(self, record: TrialRecord, legs: list[EpochRecord]) -> None:
        """See `Tracker.leg`."""
        for leg in legs:
            self._runs[record.trial_id].log(measured(leg), step=leg.leg)

    def end(self, record: TrialRecord) -> None:
        """See `Tracker.end`."""
        run = self._runs.pop(record.trial_id)
        run.summary.update({"status": record.status, **({"error": record.error} if record.error else {})})
        run.finish(exit_code=int(record.status in FAILED))

    def board(self, metrics: Mapping[str, float], files: list[Path], artifacts: Mapping[str, Path]) -> None:
        """See `Tracker.board`."""
        run = self._run(f"{self._study_id} {BOARD}", id=f"{self._study_id}-{BOARD}", job_type=BOARD)
        run.summary.update(dict(metrics))
        board = self._wandb.Artifact(f"{self._study_id}-{BOARD}", type="leaderboard")
        for path in files:
            board.add_file(str(path))
        run.log_artifact(board)
        for name, folder in artifacts.items():
            model = self._wandb.Artifact(name, type="model")
            model.add_dir(str(folder))
            run.log_artifact(model)
        run.finish()

    def _run(self, name: str, **options: Any) -> Any:
        """A run beside others of this process."""
        settings = self._wandb.Settings(
            console="off",
            silent=True,
            init_timeout=INIT_SECONDS,
            disable_git=True,
            save_code=False,
            x_disable_stats=True,
        )
        return self._wandb.init(
            project=self._project, group=self._study_id, name=name, dir=str(self._folder), reinit="create_new",
            settings=settings, **options,
        )  # fmt: skip


def _is_logged_in() -> bool:
    """Whether wandb knows who logs, by the environment or by `wandb login`, without asking its server or the user."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", HOST)).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
