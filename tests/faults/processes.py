"""The processes of a study: which is which, and ending those that it left, by their ids alone."""

import ctypes
import os
import time
from collections.abc import Iterator

import psutil

COMPONENTS = {
    "driver": "",
    "trial": "ray::ImplicitFunc|ray::PackedTrial",
    "worker": "ray::RayTrainWorker",
    "controller": "ray::TrainController",
    "crew": "ray::PackCrew",
    "broker": "ray::TrialBroker",
    "assessor": "ray::assess",
    "raylet": "/raylet/raylet",
    "gcs": "/gcs/gcs_server",
}
"""Component: how its process's title begins, or its program's path ends."""

OF = {
    "inline": ("driver", "trial", "assessor", "raylet", "gcs"),
    "packed": ("driver", "trial", "worker", "broker", "crew", "controller", "assessor", "raylet", "gcs"),
    "ddp": ("driver", "trial", "worker", "controller", "assessor", "raylet", "gcs"),
    "short": ("driver", "trial", "assessor", "raylet", "gcs"),
}
"""Executor: what its studies consist of."""

FATAL = ("driver", "raylet", "gcs")
"""What no run outlives: the same command then goes on."""

OF_RAY = ("ray::DashboardAgent", "ray::RuntimeEnvAgent", "/ray/dashboard/", "/ray/_private/")
"""In the titles of what Ray keeps beside a raylet: without it they end by themselves, the last after a minute."""

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none is lost from sight. Linux alone."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel has no child subreapers: run this on Linux 3.4 or later")


def descendants() -> Iterator[tuple[psutil.Process, str]]:
    """Every living process that this one has started, directly or not, with its title."""
    for process in psutil.Process().children(recursive=True):
        try:
            title = " ".join(process.cmdline()[:3])
            if process.status() != psutil.STATUS_ZOMBIE and title:
                yield process, title
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def of_component(component: str, driver: int) -> list[psutil.Process]:
    """The processes of a component; `driver` is the driver's id."""
    if component == "driver":
        return [psutil.Process(driver)] if psutil.pid_exists(driver) else []
    names = COMPONENTS[component].split("|")
    return [
        process
        for process, title in descendants()
        if any(title.startswith(name) or title.split(" ")[0].endswith(name) for name in names)
    ]


def left_over(seconds: float) -> list[str]:
    """Titles of what still works so many seconds from now, at most; everything is then ended."""
    end = time.monotonic() + seconds
    while (left := _at_work()) and time.monotonic() < end:
        _reap()
        time.sleep(0.2)
    end_all()
    return left


def _at_work() -> list[str]:
    return [title for _, title in descendants() if not any(name in title for name in OF_RAY)]


def end_all() -> None:
    """End everything that this process has started."""
    while left := list(descendants()):
        for process, _ in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _reap()
        time.sleep(0.1)


def _reap() -> None:
    """Let the dead among the adopted go."""
    for process in psutil.Process().children():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(process.pid, os.WNOHANG)
        except (psutil.NoSuchProcess, ChildProcessError):
            continue
