"""The mirror's files up into their bucket and down from it: what lies in no mirror is left as it is, at no cost.

A file is an object. A folder is one object too, a tar archive, so that it is replaced whole: a trial's model and state.
A folder that notes its files with their digests, an artifact, lies there file by file, as other tools expect it. The
bucket is the truth; what the mirror holds of it may be lost, or be older.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from threading import Lock

from reviewtune.contents import CONTENTS_FILE
from reviewtune.errors import UsageError
from reviewtune.storage.bucket import Bucket, open_bucket
from reviewtune.storage.folders import archive_of, discard, each, get_file, get_folder, put_folder, unpack
from reviewtune.storage.place import MIRROR, bucket_of, mirror_root

PACKED = ".tar"
"""Ending of the object that is a whole folder."""
NOTES = (".json", ".md")
"""Endings of what tells of an artifact, and is small."""

_written: list[list[Path]] = []
"""For each `recorded` that is open, what was written since."""
_lock = Lock()


def publish(made: Path, path: Path) -> bool:
    """Put what was made into the bucket, as what `path` stands for.

    Returns:
        Whether it is there as one object, of which nothing needs to be kept here.

    Raises:
        StorageError: The bucket cannot be written to.
    """
    found = _found(path)
    if found is None:
        return False
    bucket, key = found
    packed = made.is_dir() and not (made / CONTENTS_FILE).is_file()
    if packed:
        with archive_of(made) as archive:
            bucket.put(archive, key + PACKED)
        # What was brought here before is of an older one.
        discard(path)
    elif made.is_dir():
        put_folder(bucket, key, made)
    else:
        bucket.put(made, key)
    with _lock:
        for paths in _written:
            paths.append(path)
    return packed


@contextmanager
def recorded() -> Iterator[list[Path]]:
    """What this process puts into buckets meanwhile: the list grows."""
    paths: list[Path] = []
    with _lock:
        _written.append(paths)
    try:
        yield paths
    finally:
        with _lock:
            _written[:] = [kept for kept in _written if kept is not paths]


def fetch(path: Path, *, notes_only: bool = False) -> Path:
    """Bring here what `path` stands for, as the bucket has it now; where it has nothing, nothing is here either.

    Args:
        path: Of a file or a folder.
        notes_only: Of an artifact leave out all but `NOTES`.

    Raises:
        StorageError: The bucket cannot be read.
    """
    found = _found(path)
    if found is None:
        return path
    bucket, key = found
    itself, packed = bucket.kinds(key, key + PACKED)
    if itself == "object":
        get_file(bucket, key, path)
    elif packed == "object":
        unpack(bucket, key + PACKED, path)
    elif itself == "folder":
        get_folder(bucket, key, path, NOTES if notes_only else ("",))
    else:
        discard(path)
    return path


def fetch_once(path: Path) -> Path:
    """Bring here what `path` stands for unless it is here: for what never changes, being named by its content."""
    return path if path.exists() else fetch(path)


def is_there(path: Path) -> bool:
    """Whether a file or folder is kept: in its bucket, or, of no bucket's, on the disk."""
    found = _found(path)
    if found is None:
        return path.exists()
    bucket, key = found
    return any(kind != "nothing" for kind in bucket.kinds(key, key + PACKED))


def check_bucket(folder: Path) -> None:
    """Ask for a folder, so that a bucket that cannot be used is told of before anything is begun.

    Raises:
        StorageError: It is not there, cannot be reached, or refuses.
        UsageError: There is no room for the mirror.
    """
    try:
        mirror_root().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{mirror_root()} cannot be made ({error.strerror}): set {MIRROR} to a folder that can be written to"
        ) from None
    if (found := _found(folder)) and found[0].kinds(found[1]) == ["nothing"]:
        found[0].must_exist()


def remove(path: Path) -> int:
    """Remove a file or a folder, here and in its bucket; how many bytes it was, 0 where there was none."""
    size = size_of(path)
    if found := _found(path):
        bucket, key = found
        itself, packed = bucket.kinds(key, key + PACKED)
        if itself == "folder":
            bucket.delete_folder(key)
        for own in [own for own, kind in ((key, itself), (key + PACKED, packed)) if kind == "object"]:
            bucket.delete(own)
    discard(path)
    return size


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, however deep, in its bucket if it is of one; 0 where there is none."""
    if found := _found(folder):
        return sum(own.size for own in found[0].list(found[1]))
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def move(old: Path, new: Path) -> None:
    """Give a folder of folders another name, here and in its bucket."""
    if found := _found(old):
        bucket, key = found
        _, to = _found(new) or (bucket, key)
        # All of it is there under the new name before anything of the old one goes.
        each(lambda own: bucket.copy(own, to + own[len(key) :]), [found.key for found in bucket.list(key)])
        bucket.delete_folder(key)
    if old.is_dir():
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)


def listed(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder that match, as `Path.glob` has it: in its bucket, or, of no bucket's, on the disk."""
    found = _found(folder)
    if found is None:
        return list(folder.glob(pattern))
    bucket, key = found
    names = [found.key[len(key) :].lstrip("/") for found in bucket.list(key)]
    return [folder / name for name in names if PurePath(name).match(pattern)]


def _found(path: Path) -> tuple[Bucket, str] | None:
    place = bucket_of(path)
    return (open_bucket(place[0]), place[1]) if place else None
