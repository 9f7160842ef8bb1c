"""A local Ray whose own processes have died answers nobody: the program then ends in a line instead of waiting."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

VITAL = ("raylet", "gcs_server")
EXIT_STATUS = 1
POLL_SECONDS = 1.0


@contextmanager
def ray_guarded() -> Iterator[None]:
    """End this program, with the line that says so, should one of the local Ray's vital processes die meanwhile.

    There is no way back: whatever waits for Ray waits in code of Ray's that cannot be interrupted, for a minute or for
    ever. What has finished is on disk.
    """
    vital = {name: process for name, process in _children() if name in VITAL}
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(vital, over), daemon=True, name="ray guard")
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(vital: dict[str, psutil.Process], over: threading.Event) -> None:
    while not over.wait(POLL_SECONDS):
        for name, process in vital.items():
            if not _lives(process) and not over.is_set():
                _leave(name)


def _children() -> Iterator[tuple[str, psutil.Process]]:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            yield process.name(), process


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _leave(name: str) -> None:
    with suppress(OSError):
        print(
            f"reviewtune: Ray's {name} has died, perhaps for want of memory; what has finished is kept, and the same "
            "command goes on from there",
            file=sys.stderr,
            flush=True,
        )
    os._exit(EXIT_STATUS)
