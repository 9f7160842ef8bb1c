"""Ray, started or joined for the time of a study."""

import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import psutil
from rich.console import Console

from reviewtune.errors import MachineError, ReviewtuneError, StudyError
from reviewtune.interrupt import sigterm_kept
from reviewtune.quiet import be_quiet
from reviewtune.storage.mirror import fetch, recorded
from reviewtune.tracebacks import reason_in, reason_of
from reviewtune.tuning.guard import ray_guarded
from reviewtune.tuning.progress import say
from reviewtune.tuning.waiting import waiting

P = ParamSpec("P")
T = TypeVar("T")

GCS_WAIT = ("RAY_gcs_server_port_wait_time_s", "120")
"""How long a local Ray may take for its first process; where one is joined, how long a wrong address would take."""

STARTS_AT_ONCE = ("RAY_worker_maximum_startup_concurrency", "8")
"""Worker processes that a local Ray on fewer CPUs starts at once, at most. Of four times as many as it starts at once
it warns on standard output, and a study on two CPUs has more than eight, which mostly wait."""

MOST_CPUS = 8
"""For work that runs alone; more threads hardly make it faster."""

END_SECONDS = 5.0
"""How long processes of a Ray that did not start may take to end before they are killed."""


@dataclass(frozen=True)
class Cluster:
    """What Ray has.

    Attributes:
        cpus, gpus: Over all nodes.
        nodes: CPUs and GPUs of each; empty where all are on one.
    """

    cpus: float
    gpus: float
    nodes: tuple[tuple[float, float], ...] = ()

    def fit(self, cpus: float, gpus: float) -> int:
        """How many times these CPUs and GPUs can be had together, each time on one node.

        Args:
            cpus: Above 0.
            gpus: A fraction shares a card; 0 for none.
        """
        return sum(_times(node, cpus, gpus) for node in self.nodes or [(self.cpus, self.gpus)])


@contextmanager
def ray_session(address: str | None, console: Console) -> Iterator[Cluster]:
    """Join the cluster at `address` or `$RAY_ADDRESS`, or start a local Ray with its dashboard; leave it at the end.

    Args:
        address: As `ray.init` takes it; None for `$RAY_ADDRESS` or a local Ray.
        console: Told where the dashboard is, and that Ray is not there yet.

    Raises:
        StudyError: Ray cannot be started or joined.
    """
    be_quiet()
    import ray

    if ray.is_initialized():
        yield cluster_now()
        return
    local = not address and not os.environ.get("RAY_ADDRESS")
    context = _start(console) if local else _join(address, console)
    try:
        if context.dashboard_url:
            console.print(
                f"Ray dashboard: http://{context.dashboard_url}{_how_to_enter()}",
                highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip
        with ray_guarded() if local else nullcontext():
            yield cluster_now()
    finally:
        ray.shutdown()


def _start(console: Console) -> Any:
    """A local Ray with its dashboard, in a second try where the machine was too busy for the first."""
    os.environ.setdefault(*GCS_WAIT)
    if (os.cpu_count() or 1) < int(STARTS_AT_ONCE[1]):
        os.environ.setdefault(*STARTS_AT_ONCE)
    before = set(_ray_processes())
    try:
        return _init(console, "Ray starts", address="local", include_dashboard=True)
    except Exception as error:  # noqa: BLE001 - a bare Exception is what Ray raises where it took too long
        say(console, f"Ray did not start ({reason_of(error)}): it is tried once more")
    _end(set(_ray_processes()) - before)
    try:
        return _init(console, "Ray starts", address="local", include_dashboard=True)
    except Exception as error:
        _end(set(_ray_processes()) - before)
        raise StudyError(
            f"Ray cannot be started, in two tries ({reason_of(error)}): give the same command again when this machine "
            "is less busy, or run `reviewtune doctor`"
        ) from error


def _join(address: str | None, console: Console) -> Any:
    try:
        return _init(console, "Ray is joined", address=address or "auto")
    except Exception as error:
        raise StudyError(
            f"Ray cannot be joined at {address or os.environ['RAY_ADDRESS']} ({reason_of(error)}): "
            "check --address, $RAY_ADDRESS and the token, or run `reviewtune doctor`"
        ) from error


def _init(console: Console, line: str, **options: Any) -> Any:
    """`ray.init`, without the dozens of lines that it logs before it raises."""
    import ray

    try:
        with waiting(console, line), sigterm_kept():
            return ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)
    except BaseException:
        ray.shutdown()
        raise
    finally:
        logging.getLogger("ray").setLevel(logging.ERROR)


def _ray_processes() -> Iterator[psutil.Process]:
    """What of Ray this process has started: `ray.shutdown` leaves what `ray.init` had begun before it raised."""
    import ray

    home = str(Path(ray.__file__).parent)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(home in word for word in process.cmdline()):
                yield process


def _end(processes: set[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=END_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()


def _how_to_enter() -> str:
    """How one gets the token that the dashboard asks for; nothing where it asks for none."""
    if os.environ.get("RAY_AUTH_MODE") != "token":
        return ""
    program = "ray" if shutil.which("ray") else shlex.quote(str(Path(sys.executable).with_name("ray")))
    return f" (it asks for a token: `{program} get-auth-token` prints it)"


FAILURES = (ReviewtuneError, OSError, RuntimeError, MemoryError)
"""What work beside an entry may raise although nothing is wrong with reviewtune: it costs what the work would have
told, and one line says why. torch raises a RuntimeError for want of memory; what the code of other packages' families
raises is a ReviewtuneError by `families.registry.code_of`."""


def on_worker(work: Callable[P, T], *, cpus: float, gpus: float) -> Callable[P, T]:
    """The same work, done in a Ray worker that reserves these resources: a head node without a GPU can ask for it.

    Of a single machine it takes what else is idle too: it runs alone, and Ray lets a worker compute in as many threads
    as it has CPUs. What it raises is raised here; a worker that dies is replaced once. What it puts into a bucket is
    brought here, of artifacts what is told of them.

    Raises:
        MachineError: The second one died too.
    """
    import ray

    @wraps(work)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> tuple[T, list[Path]]:
        be_quiet()
        with recorded() as written:
            return work(*args, **kwargs), written

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        remote = ray.remote(num_cpus=_with_idle(cpus), num_gpus=gpus, max_retries=1)(quietly)
        try:
            got: tuple[T, list[Path]] = ray.get(remote.remote(*args, **kwargs))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise MachineError(reason_in(str(error))) from None
        result, written = got
        for path in written:
            fetch(path, notes_only=True)
        return result

    return run


def _with_idle(cpus: float) -> float:
    """CPUs for work that needs so many: those of this machine that are idle just now too, where there is no other."""
    import ray

    if len(cluster_now().nodes) > 1:
        return cpus
    idle: float = ray.available_resources().get("CPU", 0.0)
    return max(cpus, min(idle // 1, MOST_CPUS))


def cluster_now() -> Cluster:
    """What Ray has."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    sizes = tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes)
    return Cluster(sum(cpus for cpus, _ in sizes), sum(gpus for _, gpus in sizes), sizes)


def _times(node: tuple[float, float], cpus: float, gpus: float) -> int:
    by_cpus = int(node[0] / cpus + 1e-6)
    return min(by_cpus, int(node[1] / gpus + 1e-6)) if gpus else by_cpus
