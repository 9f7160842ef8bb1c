"""How far the studies of a results directory are, from the files that their drivers leave there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reviewtune.durations import duration
from reviewtune.progress_note import PROGRESS_FILE, ProgressNote, read_progress

MOST_STUDIES = 6
"""That are shown: those that run, then those that were written last."""
LOST_SECONDS = 30.0
"""Of silence, from which a study that has not ended is taken for killed. Shared folders show a file late."""

WORDS = {
    "ended": "has ended",
    "interrupted": "was interrupted: the same command goes on from there",
    "failed": "failed: its last line, or its terminal, says why",
}


@dataclass(frozen=True)
class StudyStatus:
    """A study, and for how long nothing has been heard of it.

    Attributes:
        note: What its driver wrote last.
        silent: Seconds since then.
    """

    note: ProgressNote
    silent: float

    @property
    def runs(self) -> bool:
        """Whether its driver is alive, as far as one can tell."""
        return self.note.state == "running" and self.silent < max(LOST_SECONDS, 5 * self.note.every)

    @property
    def words(self) -> str:
        """What is the matter with it, for people."""
        if self.runs:
            return "runs"
        if self.note.state == "running":
            return f"was killed, or lost its folder: no word of it for {duration(self.silent)}"
        return f"{WORDS[self.note.state]} ({duration(self.silent)} ago)"


def statuses(results_dir: Path, now: datetime | None = None) -> list[StudyStatus]:
    """The studies that leave word of how far they are: those that run first, then the newest."""
    at = now or datetime.now(UTC)
    notes = filter(None, map(read_progress, sorted(results_dir.glob(f"studies/*/{PROGRESS_FILE}"))))
    found = [StudyStatus(note, note.silent_for(at)) for note in notes]
    return sorted(found, key=lambda status: (not status.runs, status.silent))[:MOST_STUDIES]
