"""`ray job submit` against a real head on this machine, as the README shows it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.conftest import ROOT

RAY = Path(sys.executable).with_name("ray")


@dataclass(frozen=True)
class Head:
    """A running head node."""

    environment: dict[str, str]

    def ray(self, *words: object, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        """Run the `ray` program against this head."""
        return subprocess.run(
            [RAY, *map(str, words)],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """`ray start --head` with a token of its own, on free ports; ended by the ids of its processes."""
    home = tmp_path_factory.mktemp("head")
    port, dashboard, client, agent = _free_ports(4)
    environment = {
        **os.environ,
        "PATH": f"{RAY.parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "0123456789abcdef" * 4,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ADDRESS": f"http://127.0.0.1:{dashboard}",
        "RAY_TMPDIR": str(home),
    }
    started = subprocess.Popen(
        [RAY, "start", "--head", "--block", "--num-cpus=2", f"--port={port}", f"--ray-client-server-port={client}",
         f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}", f"--temp-dir=/tmp/rt{port}"],
        env={name: value for name, value in environment.items() if name != "RAY_ADDRESS"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    head = Head(environment)
    try:
        # The dashboard answers some time before the agent that starts jobs does.
        for _ in range(20):
            trial = head.ray("job", "submit", "--", "true")
            if trial.returncode == 0:
                break
            assert started.poll() is None, "the head did not start"
            time.sleep(1)
        else:
            pytest.fail(f"the head takes no jobs: {trial.stdout}{trial.stderr}")
        yield head
    finally:
        family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
        for process in family:
            process.terminate()
        _, alive = psutil.wait_procs(family, timeout=8)
        for process in alive:
            process.kill()


def test_a_submitted_job_ends_on_the_leaderboard(head: Head, small_base: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = head.ray(
        "job", "submit", "--working-dir", ".", "--",
        "python", "jobs/tune_minilm.py", "--data", "sample", "--base-model", small_base, "--results-dir", results,
        "--num-trials", "1", "--finalists", "0", "--space", '{"qlora": {"epochs": 1, "batch_size": 64}}',
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout
    (entry,) = json.loads((results / "leaderboard.json").read_text())["entries"]
    assert (entry["family"], entry["status"], entry["num_trials"]) == ("qlora", "finished", 1)


@pytest.mark.slow
def test_a_failing_job_says_why_and_fails(head: Head, tmp_path: Path) -> None:
    done = head.ray(
        "job", "submit", "--working-dir", ".", "--", "python", "jobs/tune_minilm.py", "--data", "no-such-file.csv",
        "--results-dir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no-such-file.csv" in done.stdout + done.stderr


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
