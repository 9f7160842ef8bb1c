"""What a results directory in a bucket has that is small or never changes, brought here before it is read.

Models and states of trials, tokens, embeddings and the files of artifacts that are large stay there until somebody asks
for one (`storage.mirror.fetch`).
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from reviewtune.storage.bucket import Bucket, Object, open_bucket
from reviewtune.storage.folders import discard, each, get_file
from reviewtune.storage.mirror import NOTES
from reviewtune.storage.place import bucket_of

LOCK_FILE = ".lock"
"""In a study's folder: whoever runs it on this machine holds it."""
STATIONS = ("reviews", "splits")
"""Of the store: what is made of them comes when it is needed."""
MODELS = "models"
OF_TUNE = "tune"
"""What Ray Tune's own folders begin with: logs of this machine alone."""
OF_SQLITE = ("-journal", "-wal", "-shm")
"""Endings of what lies beside a database while it is written; none of it belongs to one that comes from elsewhere."""

_known: dict[Path, tuple[int, int]] = {}
"""Size and time of what this process has brought here."""


def refresh(results_dir: Path) -> None:
    """Bring what the bucket has of a results directory, and drop what it has no more; of a folder nothing is done.

    A study that a process of this machine runs stays as it is here: it is the newest.

    Raises:
        StorageError: The bucket cannot be read.
    """
    found = bucket_of(results_dir)
    if found is None:
        return
    bucket = open_bucket(found[0])
    notes, studies = dict[str, Object](), defaultdict[str, dict[str, Object]](dict)
    for name, own in _below(bucket, found[1]).items():
        parts = PurePosixPath(name).parts
        if parts[0] == "studies" and len(parts) > 2:
            studies[parts[1]]["/".join(parts[2:])] = own
        elif _tells(name, results_dir):
            notes[name] = own
    _bring(bucket, results_dir, notes)
    here = {path.name for path in results_dir.glob("studies/*/")}
    for study in here | studies.keys():
        _bring_study_unless_held(bucket, results_dir / "studies" / study, studies[study])


def refresh_study(folder: Path) -> None:
    """The same of one study alone, by whoever runs it now: what this machine has of it may be old, and goes.

    Args:
        folder: `<results>/studies/<study>`.

    Raises:
        StorageError: The bucket cannot be read.
    """
    found = bucket_of(folder)
    if found is None:
        return
    bucket = open_bucket(found[0])
    _bring_study(bucket, folder, _below(bucket, found[1]))


def _bring_study(bucket: Bucket, folder: Path, objects: Mapping[str, Object]) -> None:
    """Bring a study's objects here, by their names in its folder, and drop what is not among them."""
    objects = {name: own for name, own in objects.items() if not _is_heavy(name)}
    for file in [file for file in folder.rglob("*") if file.is_file()]:
        name = file.relative_to(folder).as_posix()
        if name not in objects and not _is_own(name):
            discard(file)
    _bring(bucket, folder, objects)


def _bring_study_unless_held(bucket: Bucket, folder: Path, objects: Mapping[str, Object]) -> None:
    """Bring a study's objects here unless a process of this machine runs it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    try:
        if objects:
            _bring_study(bucket, folder, objects)
        else:
            discard(folder)
    finally:
        lock.release()


def _bring(bucket: Bucket, folder: Path, objects: Mapping[str, Object]) -> None:
    """Bring objects here, by their names below a folder, that this process has not brought as they are now."""
    changed = {
        folder / name: own
        for name, own in objects.items()
        if _known.get(folder / name) != (own.size, own.changed) or not (folder / name).is_file()
    }

    def bring(path: Path) -> None:
        own = changed[path]
        for ending in OF_SQLITE:
            path.with_name(path.name + ending).unlink(missing_ok=True)
        get_file(bucket, own.key, path)
        _known[path] = (own.size, own.changed)

    each(bring, changed)


def _below(bucket: Bucket, key: str) -> dict[str, Object]:
    """All objects below a key, by their names there."""
    return {own.key[len(key) :].lstrip("/"): own for own in bucket.list(key)}


def _tells(name: str, results_dir: Path) -> bool:
    """Whether an object beside the studies, by its name in the results, is to be brought: small, or never changed."""
    first, *rest = PurePosixPath(name).parts
    if first == "store":
        return rest[0] in STATIONS and not (results_dir / name).is_file()
    return name.endswith(NOTES) if first == "artifacts" else first.startswith("leaderboard.")


def _is_heavy(name: str) -> bool:
    """Whether an object of a study stays where it is: of its models, `FAMILY/models/...`, or of who runs it."""
    parts = PurePosixPath(name).parts
    return parts[1:2] == (MODELS,) or parts[-1].startswith(".")


def _is_own(name: str) -> bool:
    """Whether a file of a study is this machine's, and in no bucket."""
    parts = PurePosixPath(name).parts
    return _is_heavy(name) or any(part.startswith(OF_TUNE) for part in parts[1:2])
