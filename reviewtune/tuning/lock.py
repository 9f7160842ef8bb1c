"""One process at a time in a study: another would take its running trials for lost."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from reviewtune.errors import StudyError
from reviewtune.files import PARTIAL
from reviewtune.storage.claim import claimed
from reviewtune.storage.place import bucket_of
from reviewtune.storage.refresh import LOCK_FILE, refresh_study

HOLDER_FILE = ".holder.json"
REFRESH_SECONDS = 20.0
"""How long a program that only looks at a study in a bucket may hold it, to bring its files here."""


@contextmanager
def study_lock(folder: Path, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold a study for this process; the lock goes with the process, however it ends.

    In a bucket it is held for all machines (`storage.claim`), and what this one has of it is as the bucket has it.

    Args:
        folder: Of the study; what a dead process left half written there is removed.
        tell: Told what is waited for.

    Raises:
        StudyError: Another process holds it; names that process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0 if bucket_of(folder) is None else REFRESH_SECONDS)
    except Timeout:
        raise StudyError(
            f"the study {folder.name} is being run by {_holder(folder)}: wait for its end, or give another --study"
        ) from None
    try:
        (folder / HOLDER_FILE).write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
        _sweep(folder)
        with claimed(folder, tell):
            refresh_study(folder)
            yield
    finally:
        lock.release()


def _holder(folder: Path) -> str:
    try:
        holder = json.loads((folder / HOLDER_FILE).read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        # It has the lock and has not come to say so.
        return "another process"


def _sweep(folder: Path) -> None:
    for partial in [*folder.rglob(f".*{PARTIAL}")]:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
