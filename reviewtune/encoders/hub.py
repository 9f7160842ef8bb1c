"""Single files of a base model, from its folder, the hub's cache or the hub; and the commit that they are of."""

from pathlib import Path
from typing import Any

from reviewtune.encoders.registry import Encoder


def hub_options(encoder: Encoder) -> dict[str, Any]:
    """What transformers is told of where to load from. Code of the hub's is never trusted."""
    return {"revision": encoder.hub_revision or "main", "trust_remote_code": False}


def fetch(encoder: Encoder, name: str) -> Path:
    """A file of the base model on this machine, downloaded where it is not yet here.

    Args:
        encoder: Which base model.
        name: The file's path in the folder or repository.

    Raises:
        OSError: It has no such file, the revision does not exist, or the hub cannot be reached.
    """
    from transformers.utils import cached_file

    path = cached_file(encoder.source, name, revision=encoder.hub_revision or "main")
    assert path is not None
    return Path(path)


def commit_of(path: Path) -> str | None:
    """The commit that a file in the hub's cache (`.../snapshots/<commit>/...`) is of; None for any other file."""
    parts = path.parts
    return parts[parts.index("snapshots") + 1] if "snapshots" in parts[:-2] else None
