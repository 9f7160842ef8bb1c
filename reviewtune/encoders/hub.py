"""Single files of a base model, from its folder, the hub's cache or the hub; and the commit that they are of."""

from pathlib import Path
from typing import Any

from reviewtune.encoders.registry import Encoder
from reviewtune.reach import hub_answers

DOWNLOADED = ".cache/huggingface/download/config.json.metadata"
"""Within a folder that `hf download --local-dir` made: its first line is the commit."""


def hub_options(encoder: Encoder) -> dict[str, Any]:
    """What transformers is told of where to load from. Code of the hub's is never trusted."""
    return {"revision": encoder.hub_revision or "main", "trust_remote_code": False, **_reach(encoder)}


def fetch(encoder: Encoder, name: str) -> Path:
    """A file of the base model on this machine, downloaded where it is not yet here.

    Args:
        encoder: Which base model.
        name: The file's path in the folder or repository.

    Raises:
        OSError: It has no such file, the revision does not exist, or the hub cannot be reached.
    """
    from transformers.utils import cached_file

    path = cached_file(encoder.source, name, revision=encoder.hub_revision or "main", **_reach(encoder))
    assert path is not None
    return Path(path)


def _reach(encoder: Encoder) -> dict[str, bool]:
    return {"local_files_only": encoder.is_folder or not hub_answers()}


def commit_of(path: Path) -> str | None:
    """The commit that a file in the hub's cache (`.../snapshots/<commit>/...`) is of; None for any other file."""
    parts = path.parts
    return parts[parts.index("snapshots") + 1] if "snapshots" in parts[:-2] else None


def commit_of_folder(folder: Path) -> str | None:
    """The commit that a folder was downloaded at, in the hub's cache or by `hf download`, where either says so."""
    note = folder / DOWNLOADED
    if note.is_file():
        return note.read_text(errors="replace").partition("\n")[0].strip()
    return commit_of(folder.absolute() / "config.json")
