"""A study in files of Weights & Biases, without a server."""

import time
from pathlib import Path
from typing import Any

import pytest

from reviewtune.errors import StudyError
from tests.unit.tuning.test_tracking import record

wandb: Any = pytest.importorskip("wandb", reason="needs the extra wandb")

HEADER_BYTES = 7


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_DIR", "WANDB_BASE_URL", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_MODE", "offline")


def written(folder: Path) -> bytes:
    """All that runs have written, which wandb does a moment after it says that they are finished."""
    for _ in range(100):
        files = [path.read_bytes() for path in folder.glob("offline-run-*/*.wandb")]
        if min(map(len, files)) > HEADER_BYTES:
            break
        time.sleep(0.1)
    return b"".join(files)


def test_trials_and_board_are_files_without_a_connection(tmp_path: Path) -> None:
    from reviewtune.tuning.wandb_runs import WandbRuns

    runs = WandbRuns("study", tmp_path)
    assert runs.place == str(tmp_path / "wandb")
    first, second = (record(1, trial_id=each, name=f"svm-{each}", status="finished") for each in "ab")
    # Side by side, as trials are.
    runs.start("svm", first)
    runs.start("svm", second)
    for each in (first, second):
        runs.leg(each, each.epochs)
        runs.end(each)
    (tmp_path / "leaderboard.json").write_text("{}")
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "model.skops").write_bytes(b"0123")
    runs.board({"svm/test_f1": 0.9}, [tmp_path / "leaderboard.json"], {"study-svm": tmp_path / "artifact"})
    assert len(list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))) == 3
    kept = written(tmp_path / "wandb")
    for told in (b"svm-a", b"svm-b", b"study board", b"validation_f1", b"svm/test_f1", b"leaderboard"):
        assert told in kept, told


def test_who_logs_to_a_server_must_be_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reviewtune.tuning.wandb_runs import WandbRuns

    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(StudyError, match=r"--tracker wandb asks who logs: `wandb login`, or set WANDB_API_KEY, or "):
        WandbRuns("study", tmp_path)
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password key\n")
    assert WandbRuns("study", tmp_path).place == "project reviewtune"
