"""Whole folders into a bucket and out of it: as one archive, or file by file."""

import shutil
import tarfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from reviewtune.contents import CONTENTS_FILE, Contents, sha256_of
from reviewtune.errors import StorageError
from reviewtune.files import PARTIAL, in_one_step
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.storage.bucket import Bucket
from reviewtune.storage.place import shown

T = TypeVar("T")
AT_ONCE = 16
"""Objects that are read, written or removed side by side."""
LAST = (CONTENTS_FILE, ARTIFACT_FILE)
"""What comes last and goes first: a folder that has them has all the rest."""
LOOKS, PAUSE_SECONDS = 5, 1.0
"""How often a folder is read again that is being replaced, and how long after the look before."""


@contextmanager
def archive_of(folder: Path) -> Iterator[Path]:
    """A folder as one file beside it, for as long as it is needed."""
    archive = folder.with_name(f".{uuid.uuid4().hex[:12]}{PARTIAL}")
    try:
        with tarfile.open(archive, "w") as tar:
            tar.add(folder, ".")
        yield archive
    finally:
        archive.unlink(missing_ok=True)


def unpack(bucket: Bucket, key: str, path: Path) -> None:
    """Bring a folder here of which one object is the archive, in one step.

    Raises:
        StorageError: It is no archive.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    archive = path.with_name(f".{uuid.uuid4().hex[:12]}{PARTIAL}")
    try:
        bucket.get(key, archive)
        with in_one_step(path, shared=False) as partial, tarfile.open(archive) as tar:
            partial.mkdir()
            # No file of it leads out of its folder, whoever has written it.
            tar.extractall(partial, filter="data")
    except FileNotFoundError:
        discard(path)
    except tarfile.TarError as error:
        raise StorageError(f"{shown(path)} is damaged ({error}): delete it in the bucket, it is made anew") from None
    finally:
        archive.unlink(missing_ok=True)


def put_folder(bucket: Bucket, key: str, folder: Path) -> None:
    """Write a folder that notes its files, file by file; files that an older one had besides are removed."""
    each(bucket.delete, [f"{key}/{name}" for name in reversed(LAST)])
    names = [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file()]
    each(lambda name: bucket.put(folder / name, f"{key}/{name}"), [name for name in names if name not in LAST])
    old = {found.key.removeprefix(f"{key}/") for found in bucket.list(key)} - set(names)
    each(bucket.delete, [f"{key}/{name}" for name in old])
    for name in LAST:
        if name in names:
            bucket.put(folder / name, f"{key}/{name}")


def get_folder(bucket: Bucket, key: str, path: Path, endings: tuple[str, ...]) -> None:
    """Bring what is missing or other of a folder's files here, until all are those that it notes.

    What stays other after several looks is damaged, which whoever uses the folder finds.

    Args:
        bucket: Where it lies.
        key: That its files' keys begin with.
        path: Where it goes.
        endings: Of the files that are wanted.
    """
    for look in range(LOOKS):
        if look:
            time.sleep(PAUSE_SECONDS)
        names = {found.key.removeprefix(f"{key}/") for found in bucket.list(key)}
        noted = _noted(bucket, key) if CONTENTS_FILE in names else {}
        for file in [file for file in path.rglob("*") if file.is_file()]:
            # What another process of this machine is bringing here is its own.
            if file.relative_to(path).as_posix() not in names and file.suffix != PARTIAL:
                discard(file)
        wanted = [name for name in names if name.endswith(endings) and not _is_here(path / name, noted.get(name))]
        each(lambda name: get_file(bucket, f"{key}/{name}", path / name), wanted)
        if all(_is_here(path / name, noted[name]) for name in wanted if name in noted):
            return


def get_file(bucket: Bucket, key: str, path: Path) -> None:
    """Bring an object here, in one step; where it has gone meanwhile, nothing is here either."""
    try:
        with in_one_step(path, shared=False) as partial:
            bucket.get(key, partial)
    except FileNotFoundError:
        discard(path)


def discard(path: Path) -> None:
    """Remove a file or a folder here alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def each(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do something with each, side by side; the first that fails raises."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(work, items):
            continue


def _is_here(file: Path, digest: str | None) -> bool:
    """Whether a file is the one that is noted. What nobody notes is read again, but a table whose name is its own."""
    if digest is None:
        return file.suffix == ".parquet" and file.is_file()
    return file.is_file() and sha256_of(file) == digest


def _noted(bucket: Bucket, key: str) -> dict[str, str]:
    content = bucket.read(f"{key}/{CONTENTS_FILE}")
    try:
        return dict(Contents.model_validate_json(content).sha256) if content else {}
    except ValueError:
        return {}
