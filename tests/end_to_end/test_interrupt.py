"""Ctrl-C or SIGTERM in the middle of a study: what has finished is kept, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.end_to_end.conftest import ROOT, Program

LISTENING = """
import signal, sys
from reviewtune.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""
"""The program, even where a shell has started the tests in the background, deaf to Ctrl-C."""


def test_an_interrupted_study_keeps_what_finished_and_goes_on(
    reviewtune: Program, reviews_csv: Path, small_base: Path, tmp_path: Path
) -> None:
    words = ["tune", "--data", str(reviews_csv), "--results-dir", str(tmp_path), "--base-model", str(small_base)]
    words += ["--families", "rules,qlora", "--num-trials", "1", "--space", '{"qlora": {"epochs": 10, "batch_size": 8}}']
    words += ["--finalists", "0", "--figures", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
    )
    try:
        _wait_for(lambda: any(tmp_path.glob("studies/*/qlora/models/*/last")), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "kept" in err
    assert [entry["family"] for entry in _entries(tmp_path)] == ["rules"]
    again = reviewtune(*words, "--time-budget-s", "600")
    assert again.code == 0, again.err
    entries = {entry["family"]: entry for entry in _entries(tmp_path)}
    assert {family: entry["num_trials"] for family, entry in entries.items()} == {"rules": 1, "qlora": 1}


STUDY = """
import time
from rich.console import Console
from reviewtune.cli import VERBS, Verb, run
from reviewtune.config import StudyConfig
from reviewtune.tuning.session import ray_session

class Waiter:
    def wait(self, seconds):
        time.sleep(seconds)
        return "running"

def study(config):
    with ray_session(None, Console(stderr=True)):
        import ray
        actor = ray.remote(num_cpus=0)(Waiter).remote()
        try:
            print(ray.get(actor.wait.remote(0)), flush=True)
            ray.get(actor.wait.remote(100))
        finally:
            ray.kill(actor)

VERBS["tune"] = Verb(StudyConfig, study, "")
raise SystemExit(run("tune", []))
"""


def test_a_terminated_study_ends_as_an_interrupted_one() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUDY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        process.terminate()
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    # A busy machine's Ray is waited for in a line or two of its own.
    assert [line for line in err.splitlines() if not line.startswith("Ray ")] == [
        "reviewtune: interrupted; what has finished is kept, and the same command goes on from there"
    ]


def _entries(results: Path) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((results / "leaderboard.json").read_text())["entries"]
    return entries


def _wait_for(condition: object, process: subprocess.Popen[str], timeout: float = 200) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    raise AssertionError("the study did not get so far in time")
