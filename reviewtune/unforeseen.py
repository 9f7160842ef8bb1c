"""The program's edge: what nobody foresaw becomes one line and a log file, what libraries are known to raise a line."""

import errno
import os
import platform
import re
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from reviewtune.files import write_text
from reviewtune.tracebacks import reason_in

LOGS = "logs"
LONGEST_REASON = 300
TRACEBACK = "Traceback (most recent call last):"

NO_ROOM = "make room in PLACE, or give another --results-dir; what has finished is kept, and the same command goes on"
NO_RIGHT = "make it readable and writable for this user, or give another --results-dir"
GONE = "PLACE or what was in it went away: where it was renamed or unmounted, put it back; the same command goes on"
NO_MEMORY = "close other programs, or run less at once: --max-concurrent-trials 1, for QLoRA --slots 1"
NO_RAY = "the same command goes on from what has finished; `reviewtune doctor` tells whether Ray works here"

PRINTED_ERROR = re.compile(r"^\w*Error: \[Errno (\d+)\] ([^\n:]+)(?:: '([^'\n]+)')?", re.MULTILINE)
"""Number, words and file, as Python prints them below the frames."""

BY_NUMBER = {
    errno.ENOSPC: NO_ROOM,
    errno.EDQUOT: NO_ROOM,
    errno.EROFS: NO_RIGHT,
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EMFILE: "allow more open files, `ulimit -n 65536`",
    errno.ENFILE: "close other programs: this machine has too many files open",
    errno.ENOMEM: NO_MEMORY,
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EIO: "check the disk, or give another --results-dir",
    errno.ESTALE: "mount the network folder again; the same command goes on from what has finished",
}
"""What to do about an error of the operating system."""

BY_SQLITE = {
    "is full": NO_ROOM,
    "readonly": NO_RIGHT,
    "unable to open": NO_RIGHT,
    "locked": "another process writes to these results, or the file system has no locks: wait for it, or give another "
    "--results-dir",
    "disk i/o": "check the disk, or give another --results-dir",
    "malformed": "move studies.db away: the search then goes on without its history, and the trials are kept",
}
"""What to do about what SQLite says."""


def line_for(error: BaseException, words: Sequence[str], results_dir: Path | None) -> str:
    """The line that the user reads; what a developer needs is in the file that it names.

    Args:
        error: What nothing caught.
        words: Of the command line.
        results_dir: Where the log goes if that is a folder that can be written to; otherwise to the temporary folder.
    """
    path = _write_log(error, words, results_dir)
    where = f"the traceback is in {path}" if path else "no file for the traceback could be written"
    chain = list(_chain(error))
    for each in reversed(chain):
        if mend := GONE if _is_gone(each, results_dir) else _mend(each):
            there = str(results_dir) if results_dir else "the folder that it writes to"
            return f"{_said(each)}: {mend.replace('PLACE', there)} ({where})"
    return f"this was not foreseen ({_said(chain[-1])}): {where}; please report it"


def _mend(error: BaseException) -> str | None:
    """What to do about an error that a library or the system is known to raise; None for any other."""
    home, name = type(error).__module__, type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name:
        return NO_MEMORY
    if isinstance(error, OSError) and error.errno in BY_NUMBER:
        return BY_NUMBER[error.errno]
    if home.startswith(("sqlite3", "sqlalchemy")):
        said = str(error).lower()
        return next((mend for words, mend in BY_SQLITE.items() if words in said), None)
    return NO_RAY if home.startswith("ray.") and getattr(error, "cause", None) is None else None


def _said(error: BaseException) -> str:
    """What an error says, shortened: the system's in its own words, of any other its name and its first line.

    Where Ray Tune's own is nothing but the text of a traceback, what that ends with.
    """
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if str(error).lstrip().startswith(TRACEBACK):
        return reason_in(str(error))[:LONGEST_REASON].rstrip(" .:")
    text = next(iter(str(error).strip().splitlines()), "")[:LONGEST_REASON].rstrip(" .:")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, then each that it was raised from; a Ray task's error holds what the task raised."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while isinstance(found, BaseException) and found not in seen:
        seen.append(found)
        yield found
        found = getattr(found, "cause", None) or found.__cause__ or _told_by_tune(found)


def _told_by_tune(error: BaseException) -> OSError | None:
    """The system's error in the text of Ray Tune's own, which keeps nothing but the traceback; None of any other."""
    found = PRINTED_ERROR.findall(str(error)) if type(error).__name__ == "TuneError" else []
    return OSError(int(found[-1][0]), found[-1][1], found[-1][2] or None) if found else None


def _is_gone(error: BaseException, results_dir: Path | None) -> bool:
    """Whether an error tells that a file or folder of the results is no longer there."""
    if not (isinstance(error, FileNotFoundError) and isinstance(error.filename, str) and results_dir):
        return False
    return Path(error.filename).absolute().is_relative_to(results_dir.absolute())


def _write_log(error: BaseException, words: Sequence[str], results_dir: Path | None) -> Path | None:
    """The file with the traceback; None where none can be written."""
    lines = [
        f"{time.strftime('%Y-%m-%d %H:%M:%S %z')}, Python {platform.python_version()}, {platform.platform()}",
        f"words: {[*words]!r}",
        *traceback.format_exception(error),
    ]
    text = "\n".join(lines).encode("utf-8", "backslashreplace").decode("utf-8")
    name = f"reviewtune-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for place in _places(results_dir):
        with suppress(OSError):
            path = Path(place) / name
            write_text(path, text)
            return path
    return None


def _places(results_dir: Path | None) -> Iterator[str | Path]:
    with suppress(OSError):
        if results_dir and results_dir.is_dir():
            yield results_dir / LOGS
    with suppress(OSError):  # there is no folder for temporary files
        yield tempfile.gettempdir()
