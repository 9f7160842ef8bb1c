"""Files and folders that appear in one step: whoever reads sees the old one or the whole new one, never a half."""

import errno
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewtune.storage.place import bucket_of

PARTIAL = ".partial"
"""Ending of what is being written; a process that died leaves it."""
OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a write to an open file, of which the system does not tell which."""
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
"""In the words of libraries in Rust, safetensors among them, which raise no `OSError` for an error of the system."""


@contextmanager
def in_one_step(path: Path, *, shared: bool = True) -> Iterator[Path]:
    """A free place beside `path` for a file or a folder, which takes the place of `path` when the block ends well.

    The folder above is made. Each writer has a place of its own, so that several may write the same path. Everything
    gets the rights that this process gives new files, whatever a library thought fit. Where the block raises, or writes
    nothing, `path` stays as it is.

    Args:
        path: Of the file or folder; one kind is not replaced by the other. One of a bucket's mirror goes into the
            bucket first; a folder that is one object there is not kept here.
        shared: Whether it does.

    Raises:
        OSError: It cannot be written or replaced; one of the disk's names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{PARTIAL}")
    partial.touch(exist_ok=False)
    rights = stat.S_IMODE(partial.stat().st_mode)
    partial.unlink()
    try:
        yield partial
        if partial.is_dir():
            _open_up(partial, rights)
            for file in filter(Path.is_file, partial.rglob("*")):
                _flush(file)
            if not (shared and _published(partial, path)):
                _replace_folder(partial, path)
        elif partial.exists():
            partial.chmod(rights)
            _flush(partial)
            if not (shared and _published(partial, path)):
                partial.replace(path)
    except Exception as error:
        _name(error, path)
        raise
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _name(error: Exception, path: Path) -> None:
    """Say of an error of the disk which file it befell.

    Raises:
        OSError: The system's error was a library's own kind.
    """
    if isinstance(error, OSError):
        if error.errno in OF_DISKS and not error.filename:
            error.filename = str(path)
    elif told := SYSTEM_ERROR.search(str(error)):
        number = int(told[1])
        raise OSError(number, os.strerror(number), str(path)) from error


def _published(made: Path, path: Path) -> bool:
    """Put what was made into the bucket that `path` is of, if it is of one; whether that is all that there is to do.

    What is made in a folder that is not ready goes up with it.
    """
    if bucket_of(path) is None or any(part.endswith(PARTIAL) for part in path.parts):
        return False
    from reviewtune.storage.mirror import publish

    return publish(made, path)


def _flush(file: Path) -> None:
    """Have a file's bytes on the disk before its name is: a loss of power could otherwise leave zeros."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def write_text(path: Path, text: str, *, shared: bool = True) -> None:
    """Write a text file in one step, as UTF-8; `shared` as for `in_one_step`."""
    with in_one_step(path, shared=shared) as partial:
        partial.write_text(text, encoding="utf-8")


def put_back(path: Path) -> None:
    """Put a folder back that was being replaced when its process died: it was moved aside and nothing came."""
    if not path.is_dir() and _aside(path).is_dir():
        _aside(path).rename(path)


def _replace_folder(new: Path, path: Path) -> None:
    old = _aside(path)
    if path.is_dir():
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _aside(path: Path) -> Path:
    """Where a folder lies while it is replaced: no file system replaces one that is not empty."""
    return path.with_name(f".old-{path.name}")


def _open_up(folder: Path, rights: int) -> None:
    """Give all that is in a folder the rights of a new file; whoever may read a folder may enter it."""
    for place in [folder, *folder.rglob("*")]:
        if not place.is_symlink():
            place.chmod(rights | (rights & 0o444) >> 2 if place.is_dir() else rights)
