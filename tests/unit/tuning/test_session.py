"""How Ray is started where the machine is too busy for it, with a `ray.init` that fails as the real one does."""

import io
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import ray
from rich.console import Console

from reviewtune.errors import MachineError, StudyError
from reviewtune.quiet import ENVIRONMENT
from reviewtune.tuning import session
from reviewtune.tuning.session import Cluster, on_worker, ray_session

TIMED_OUT = (
    "The current node timed out during startup. This could happen because some of the raylet failed to\nstartup."
)


class Starts:
    """In place of `ray.init`: fails some times, each time leaving a process behind, then starts."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.asked, self.left = list(errors), [], []  # type: ignore[var-annotated]

    def __call__(self, **options: Any) -> Any:
        self.asked.append(options)
        if not self.errors:
            return SimpleNamespace(dashboard_url="127.0.0.1:8265")
        logging.getLogger("ray").error("sixty lines of a dashboard's log")
        home = str(Path(ray.__file__).parent / "gcs_server")
        self.left.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", home]))
        raise self.errors.pop(0)


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Starts]:
    def make(*errors: Exception) -> Starts:
        starts = Starts(*errors)

        def init(**options: Any) -> Any:
            logging.getLogger("ray").setLevel(options["logging_level"])
            return starts(**options)

        monkeypatch.setattr(ray, "init", init)
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
        monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": {"CPU": 2.0}}])
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        monkeypatch.setattr(session.shutil, "which", lambda name: f"/bin/{name}")
        return starts

    return make


def console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=200, force_terminal=terminal, color_system=None), out


@pytest.mark.parametrize(
    "error",
    [Exception(TIMED_OUT), ConnectionError("no GCS"), TimeoutError("slow"), RuntimeError("x"), AssertionError()],
)
def test_a_ray_that_does_not_start_is_tried_once_more(
    starting: Callable[..., Starts], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    starts, (shown, out) = starting(error), console()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with ray_session(None, shown) as cluster:
            assert cluster.cpus == 2
        assert bystander.poll() is None
    finally:
        bystander.kill()
    first, second = out.getvalue().splitlines()
    reason = " ".join(str(error).split()).rstrip(".") or "AssertionError"
    assert first == f"Ray did not start ({reason}): it is tried once more"
    assert second == "Ray dashboard: http://127.0.0.1:8265 (it asks for a token: `ray get-auth-token` prints it)"
    assert [options["address"] for options in starts.asked] == ["local", "local"]
    assert [psutil.pid_exists(process.pid) for process in starts.left] == [False]
    assert caplog.text == ""
    assert logging.getLogger("ray").level == logging.ERROR


def test_a_ray_that_does_not_start_twice_is_one_line(starting: Callable[..., Starts]) -> None:
    starts, (shown, out) = starting(Exception(TIMED_OUT), Exception("again\n" + "many words " * 1000)), console()
    with pytest.raises(StudyError) as refused, ray_session(None, shown):
        pass
    line = str(refused.value)
    assert line.startswith("Ray cannot be started, in two tries (again many words many")
    assert line.endswith(": give the same command again when this machine is less busy, or run `reviewtune doctor`")
    assert ("\n" in line, len(line) < 700, len(starts.asked)) == (False, True, 2)
    assert out.getvalue().count("\n") == 1
    assert not any(psutil.pid_exists(process.pid) for process in starts.left)


def test_a_cluster_that_cannot_be_joined_is_not_tried_twice(starting: Callable[..., Starts]) -> None:
    starts, (shown, out) = starting(Exception("no such cluster")), console()
    said = r"^Ray cannot be joined at 10.0.0.1:6379 \(no such cluster\): check"
    with pytest.raises(StudyError, match=said), ray_session("10.0.0.1:6379", shown):
        pass
    starts.left[0].kill()
    assert (len(starts.asked), out.getvalue()) == (1, "")


def test_the_cluster_of_the_environment_is_joined(
    starting: Callable[..., Starts], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, (shown, _) = starting(), console()
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    with ray_session(None, shown):
        pass
    with ray_session("10.0.0.1:6379", shown):
        pass
    assert [options["address"] for options in starts.asked] == ["auto", "10.0.0.1:6379"]


def test_without_authentication_no_token_is_spoken_of(
    starting: Callable[..., Starts], monkeypatch: pytest.MonkeyPatch
) -> None:
    starting()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    shown, out = console()
    with ray_session(None, shown):
        pass
    assert out.getvalue() == "Ray dashboard: http://127.0.0.1:8265\n"


def test_ray_waits_longer_for_itself_than_it_would_by_default() -> None:
    from ray._private import ray_constants

    assert os.environ["RAY_DASHBOARD_STARTUP_TIMEOUT_S"] == "180"
    assert ray_constants.RAY_DASHBOARD_STARTUP_TIMEOUT_S == 180
    assert ENVIRONMENT["RAY_raylet_start_wait_time_s"] == "60"


def test_a_terminal_shows_that_ray_starts(starting: Callable[..., Starts], monkeypatch: pytest.MonkeyPatch) -> None:
    starting()
    slow = ray.init
    monkeypatch.setattr(ray, "init", lambda **options: time.sleep(1.5) or slow(**options))
    shown, out = console(terminal=True)
    with ray_session(None, shown):
        pass
    assert "Ray starts (1 s)" in out.getvalue()


def test_a_worker_that_dies_twice_is_the_machines_fault_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_: Any) -> Any:
        raise ray.exceptions.WorkerCrashedError

    monkeypatch.setattr(session, "_with_idle", lambda cpus: cpus)
    monkeypatch.setattr(ray, "remote", lambda **_: lambda work: SimpleNamespace(remote=work))
    monkeypatch.setattr(ray, "get", dies)
    with pytest.raises(MachineError, match=r"^its worker died, perhaps for want of memory$"):
        on_worker(lambda: 1, cpus=1, gpus=0)()
    monkeypatch.setattr(ray, "get", lambda found: found)
    assert on_worker(lambda: 1, cpus=1, gpus=0)() == 1


@pytest.mark.parametrize(("idle", "nodes", "reserved"), [(2.5, 1, 2), (0.0, 1, 1), (64.0, 1, 8), (2.0, 2, 1)], ids=str)
def test_work_that_runs_alone_takes_what_is_idle_on_a_single_machine(
    idle: float, nodes: int, reserved: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, float] = {}
    monkeypatch.setattr(session, "cluster_now", lambda: Cluster(64.0 * nodes, 0.0, ((64.0, 0.0),) * nodes))
    monkeypatch.setattr(ray, "available_resources", lambda: {"CPU": idle} if idle else {})
    monkeypatch.setattr(ray, "remote", lambda **own: asked.update(own) or (lambda work: SimpleNamespace(remote=work)))
    monkeypatch.setattr(ray, "get", lambda found: found)
    assert on_worker(lambda: 1, cpus=1, gpus=0)() == 1
    assert asked["num_cpus"] == reserved
