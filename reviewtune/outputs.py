"""Files that a verb writes where the user says: never onto what it reads, in one step, and any failure is one line."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reviewtune.errors import UsageError
from reviewtune.files import in_one_step
from reviewtune.tracebacks import reason_of

STANDARD = {"--input": 0, "--output": 1}
"""What `-` stands for, as a descriptor."""


def check_output(output: Path | str, reads: Mapping[str, Path | str | None], *, folder: bool = False) -> None:
    """Refuse, before any work is done, an output that could not be written or would destroy what is read.

    Args:
        output: A file or folder to be, or `-`.
        reads: What the verb reads, by flag: files, folders, `-`, or names that are no path.
        folder: The output is one, and the folders above it are made.

    Raises:
        UsageError: It is one of those files, also under another name, or lies in one of those folders; or there is no
            folder to put it in.
    """
    path = Path(output)
    own = _standing_at(output, "--output")
    for flag, read in reads.items():
        if read is None:
            continue
        other = _standing_at(read, flag)
        if own and other and os.path.samestat(own, other):
            raise UsageError(f"--output {output} is the very file that {flag} reads: give another one")
        if output != "-" and Path(read).is_dir() and _lies_in(path, Path(read), own):
            raise UsageError(f"--output {output} lies in the folder that {flag} reads: give another place")
    if output != "-" and not folder and path.is_dir():
        raise UsageError(f"--output {output} cannot be written (Is a directory): give another file")
    if output != "-" and not folder and not path.parent.is_dir():
        raise UsageError(f"--output {output}: there is no folder {path.parent}: make it, or give another file")


def _standing_at(place: Path | str, flag: str) -> os.stat_result | None:
    """The regular file at a place, by which it is known under all its names."""
    try:
        found = os.stat(STANDARD[flag] if place == "-" else place)  # noqa: PTH116  a descriptor has no Path
    except (OSError, ValueError):
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _lies_in(path: Path, folder: Path, own: os.stat_result | None) -> bool:
    if path.resolve().is_relative_to(folder.resolve()):
        return True
    return own is not None and any(os.path.samestat(own, file.stat()) for file in folder.rglob("*") if file.is_file())


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Where to write the file that will be `path`, which stays as it is where the block fails.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # A pipe or a device takes what is written and cannot be replaced.
            yield path
        else:
            with in_one_step(path.resolve()) as partial:
                yield partial
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or reason_of(error)
        raise UsageError(f"--output {path} cannot be written ({reason}): give another file") from None
