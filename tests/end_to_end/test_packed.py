"""Trials that train in packs: a worker that is killed costs no trial, and what a driver leaves ends with it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.conftest import ROOT

TRIALS, EPOCHS, EVALUATIONS = 3, 8, 2
WORKER = "ray::RayTrainWorker"


def start(results: Path, reviews: Path, base: Path) -> subprocess.Popen[str]:
    space = {"qlora": {"epochs": EPOCHS, "batch_size": [8, 16], "target": "attention"}}
    words = ["tune", "--data", str(reviews), "--results-dir", str(results), "--base-model", str(base)]
    words += ["--families", "qlora", "--num-trials", str(TRIALS), "--slots", "2", "--space", json.dumps(space)]
    words += ["--evaluations-per-epoch", str(EVALUATIONS), "--finalists", "0", "--figures", "0"]
    return subprocess.Popen(
        [sys.executable, "-m", "reviewtune", *words], stderr=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    )


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The pack workers that a program has started."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if child.name().startswith(WORKER[:15]) and WORKER in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def kept_epochs(results: Path) -> dict[str, float]:
    """How many epochs each trial has kept."""
    kept = {}
    for path in results.glob("studies/*/qlora/models/*/last/trial.json"):
        try:
            kept[path.parts[-3]] = json.loads(path.read_text())["epoch"]
        except (FileNotFoundError, json.JSONDecodeError):
            continue
    return kept


def wait_until(condition: Any, process: subprocess.Popen[str], seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "the study did not get so far in time"
        time.sleep(0.1)


def test_a_killed_worker_loses_no_trial_and_counts_none_twice(
    reviews_csv: Path, small_base: Path, tmp_path: Path
) -> None:
    process = start(tmp_path, reviews_csv, small_base)
    try:
        wait_until(lambda: max(kept_epochs(tmp_path).values(), default=0) >= 1.5, process)
        before = kept_epochs(tmp_path)
        workers(process)[0].send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, err
    (entry,) = json.loads((tmp_path / "leaderboard.json").read_text())["entries"]
    assert (entry["num_trials"], entry["num_failed_trials"]) == (TRIALS, 0)
    (folder,) = tmp_path.glob("studies/*/qlora/trials")
    records = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert len(records) == TRIALS
    assert before.keys() <= records.keys()
    for record in records.values():
        epochs = [epoch["epoch"] for epoch in record["epochs"]]
        assert epochs == [leg / EVALUATIONS for leg in range(1, len(epochs) + 1)]
    assert Counter(record["number"] for record in records.values()) == Counter(range(1, TRIALS + 1))


@pytest.mark.slow
def test_workers_end_with_their_driver(reviews_csv: Path, small_base: Path, tmp_path: Path) -> None:
    process = start(tmp_path, reviews_csv, small_base)
    try:
        wait_until(lambda: kept_epochs(tmp_path), process)
        orphans = workers(process)
        assert orphans
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        _, alive = psutil.wait_procs(orphans, timeout=90)
        assert not alive
    finally:
        process.kill()
