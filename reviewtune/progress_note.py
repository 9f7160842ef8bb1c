"""How far a study is: what its driver leaves in a small file while it runs, for whoever sees the folder."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reviewtune.stored import Line, Stored, read_stored

PROGRESS_FILE = "progress.json"
"""In a study's folder."""
MOST_LINES = 40
MOST_FAMILIES = 100


def _as_time(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a time needs its zone")
    return value


Time = Annotated[str, AfterValidator(_as_time)]
"""ISO 8601 with its zone."""
Count = Annotated[int, Field(ge=0)]


class FamilyNote(Stored):
    """One family of the study."""

    name: Line
    state: Line
    """What is being done: waiting, preparing, tuning, finalists, unseen, assessing, done, failed and the like."""
    trials: dict[Line, Count] = Field(default_factory=dict)
    """Trials of the search by status; those that run are among them."""
    num_trials: Count
    """Trials that were asked for; 0 where there is no search."""
    slots: Count | None = None
    """Trials that can run at a time; None where that is not known yet."""
    done: float | None = Field(None, ge=0)
    """Of what is being done: trials, trainings or reviews; a trial that is half through is half a one."""
    total: float | None = Field(None, ge=0)
    seconds_left: float | None = Field(None, ge=0)
    """Of what is being done, by its pace so far."""
    best: Line | None = None
    """The best score of the search so far, by the study's objective."""
    default: Line | None = None
    """That of the default configuration."""
    test_f1: float | None = None
    reviews_per_second: float | None = None
    """Of the pack, lately."""
    seconds: float = Field(0.0, ge=0)
    """Since the family's begin."""


class ProgressNote(Stored):
    """The whole study."""

    study_id: Line
    state: Literal["running", "ended", "interrupted", "failed"]
    started: Time
    updated: Time
    """When this was written; a driver that runs writes it anew every few seconds."""
    every: float = Field(gt=0)
    """Seconds between two writings at most."""
    objective: Line
    """Title of what trials are compared by."""
    families: list[FamilyNote] = Field(max_length=MOST_FAMILIES)
    lines: list[Line] = Field([], max_length=MOST_LINES)
    """The newest lines of what the driver has said, the newest last."""

    def silent_for(self, now: datetime) -> float:
        """Seconds since the last writing."""
        return max(0.0, (now - datetime.fromisoformat(self.updated)).total_seconds())


def read_progress(path: Path) -> ProgressNote | None:
    """What a driver has left; None where there is nothing, or what there is cannot be read.

    Nobody needs the file, so a damaged one is as good as none.
    """
    try:
        return read_stored(path, ProgressNote)
    except (OSError, ValueError):
        return None
