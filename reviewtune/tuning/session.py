"""Ray, started or joined for the time of a study."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from rich.console import Console

from reviewtune.errors import StudyError
from reviewtune.interrupt import sigterm_kept
from reviewtune.quiet import be_quiet

P = ParamSpec("P")
T = TypeVar("T")


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
        console: Told where the dashboard is.

    Raises:
        StudyError: Ray cannot be started or joined.
    """
    be_quiet()
    import ray

    if ray.is_initialized():
        yield _cluster()
        return
    local = not address and not os.environ.get("RAY_ADDRESS")
    options = {"address": "local", "include_dashboard": True} if local else {"address": address or "auto"}
    try:
        with sigterm_kept():
            context = ray.init(log_to_driver=False, logging_level="ERROR", **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise StudyError(
            f"Ray cannot be {'started' if local else 'joined'} ({reason}): run `reviewtune doctor`"
        ) from error
    try:
        if context.dashboard_url:
            console.print(f"Ray dashboard: http://{context.dashboard_url}", highlight=False, soft_wrap=True)
        yield _cluster()
    finally:
        ray.shutdown()


def on_worker(work: Callable[P, T], *, cpus: float, gpus: float) -> Callable[P, T]:
    """The same work, done in a Ray worker that reserves these resources: a head node without a GPU can ask for it.

    What it raises is raised here; a worker that dies is replaced once.
    """
    import ray

    @wraps(work)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> T:
        be_quiet()
        return work(*args, **kwargs)

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=1)(quietly)
        try:
            result: T = ray.get(remote.remote(*args, **kwargs))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        return result

    return run


def _cluster() -> Cluster:
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    sizes = tuple((node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes)
    return Cluster(sum(cpus for cpus, _ in sizes), sum(gpus for _, gpus in sizes), sizes)


def _times(node: tuple[float, float], cpus: float, gpus: float) -> int:
    by_cpus = int(node[0] / cpus + 1e-6)
    return min(by_cpus, int(node[1] / gpus + 1e-6)) if gpus else by_cpus
