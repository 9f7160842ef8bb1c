"""An artifact: the folder a selected model is shipped in, complete but for its base model."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from reviewtune.artifact_info import ArtifactInfo, EncoderInfo, read_info
from reviewtune.card.facts import LATER
from reviewtune.card.page import write_card
from reviewtune.contents import note_contents
from reviewtune.files import in_one_step
from reviewtune.profile import Profile
from reviewtune.schema import ARTIFACT_FILE

__all__ = ["ArtifactInfo", "EncoderInfo", "Saveable", "now", "read_info", "write_artifact"]


class Saveable(Protocol):
    """What an artifact is made of: a model, or the artifacts of an ensemble's members."""

    def save(self, folder: Path) -> None:
        """Write its files into an existing, empty folder."""
        ...


def write_artifact(folder: Path, info: ArtifactInfo, model: Saveable, profile: Profile | None = None) -> None:
    """Write model, `reviewtune.json`, card, profile and `files.json` in one step: an older artifact stays till then."""
    info = info.model_copy(update={"profiled": profile is not None})
    with in_one_step(folder) as partial:
        partial.mkdir()
        model.save(partial)
        if profile is not None:
            profile.save(partial)
        (partial / ARTIFACT_FILE).write_text(json.dumps(info.model_dump(mode="json"), indent=1) + "\n")
        write_card(partial)
        note_contents(partial, but=LATER)


def now() -> str:
    """The time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
