"""Which files a folder was written with, by which one sees later that none is missing or damaged."""

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from reviewtune.errors import ArtifactError
from reviewtune.stored import Sha256, Stored, read_stored

CONTENTS_FILE = "files.json"


class Contents(Stored):
    """What `files.json` holds."""

    sha256: dict[str, Sha256]
    """Of each file, by its path in the folder."""


def note_contents(folder: Path, *, but: Collection[str]) -> None:
    """Write `files.json` over all files of a folder.

    Args:
        folder: Whole, as it is now.
        but: Names of files that may change later, or come.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    noted = Contents(sha256={name: sha256_of(path) for name, path in files.items() if path.name not in but})
    (folder / CONTENTS_FILE).write_text(noted.model_dump_json(indent=1) + "\n")


def is_whole(folder: Path) -> bool | None:
    """Whether every file is there as it was written; None where it was not noted, as by earlier versions."""
    try:
        noted = read_stored(folder / CONTENTS_FILE, Contents)
        return all(sha256_of(folder / name) == digest for name, digest in noted.sha256.items())
    except FileNotFoundError as error:
        return None if error.filename == str(folder / CONTENTS_FILE) else False
    except (OSError, ValueError):
        return False


def noted_files(folder: Path) -> list[str]:
    """Which files those are, by their paths in the folder.

    Raises:
        OSError: They were not noted.
        ValueError: `files.json` is damaged.
    """
    return list(read_stored(folder / CONTENTS_FILE, Contents).sha256)


def check_inside(folder: Path, names: Iterable[str]) -> None:
    """Refuse an artifact that has files of this machine taken for its own.

    Args:
        folder: The artifact's.
        names: Paths in it.

    Raises:
        ArtifactError: One of them is a link that leads out of it.
    """
    home = folder.resolve()
    for name in names:
        if not (folder / name).resolve().is_relative_to(home):
            raise ArtifactError(f"{folder} leads out of itself by {name!r}: copy the artifact again")


def sha256_of(path: Path) -> str:
    """The digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
