"""A base model as an artifact needs it again: where it was in training, or elsewhere, and the very same one."""

from dataclasses import replace
from pathlib import Path

from reviewtune.encoders.hub import commit_of_folder
from reviewtune.encoders.known import NAMES
from reviewtune.encoders.registry import COMMIT, Encoder, resolve_encoder
from reviewtune.errors import EncoderError


def find_base(name: str, revision: str | None, place: str | None, whose: str) -> Encoder:
    """The base model that was called `name` in training.

    Args:
        name: As it was resolved then: a known name, a folder's full path, or a hub id with its commit.
        revision: What it was then; None where nothing is known of it.
        place: A folder or hub id where it is here; None: where it was.
        whose: Who needs it, for messages.

    Raises:
        EncoderError: It is not there, or another one is.
    """
    if place is None and Path(name).is_absolute() and not Path(name).is_dir():
        raise EncoderError(
            f"{whose} was trained on the base model {name}, which is not there any more: say where it is by "
            "--base-model FOLDER (base_model= in Python)"
        )
    found = resolve_encoder(place or name)
    by_commit = COMMIT.search(f"@{revision}") is not None
    if by_commit and not found.is_folder and found.revision is None:
        # Whatever the repository is called now, a commit is a commit.
        found = replace(found, name=f"{found.source}@{revision}", revision=revision)
    if revision is None or revision == found.revision or (found.is_folder and revision == _commit(found)):
        return _whole(found, name, whose)
    there = _commit(found) if by_commit and found.is_folder else found.revision
    if by_commit and there is None:
        hub_id = resolve_encoder(name).source
        raise EncoderError(
            f"{whose} was trained on {hub_id} at commit {revision}, and nothing in {found.name} says of which commit "
            f"it is: download it by `hf download {hub_id} --revision {revision} --local-dir FOLDER` and give that one"
        )
    raise EncoderError(
        f"{whose} was trained on {name} at revision {revision}, and {found.name} is at {there}: give the base model "
        "it was trained on by --base-model (base_model= in Python)"
    )


def _commit(found: Encoder) -> str | None:
    return commit_of_folder(Path(found.source))


def _whole(found: Encoder, name: str, whose: str) -> Encoder:
    """The base model, refused where it lacks the layer that its embeddings ended with in training."""
    named = resolve_encoder(name) if name in NAMES or Path(name).is_dir() else found
    if named.projection and not found.projection:
        raise EncoderError(
            f"{whose} was trained with the layer {named.projection} of {name}, which {found.name} lacks: copy it whole"
        )
    return found
