"""Writes how far a study is into its folder, again and again while it runs, for `reviewtune watch`."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from reviewtune.errors import one_line
from reviewtune.files import write_text
from reviewtune.progress_note import MOST_LINES, PROGRESS_FILE, FamilyNote, ProgressNote

EVERY_SECONDS = 2.0
"""Between two writings: a few kilobytes, in one step."""

End = Literal["ended", "interrupted", "failed"]


class ProgressFile:
    """A file that a thread writes anew until it is ended.

    What goes wrong with it costs the file and nothing else: a full disk is the study's to tell.

    Args:
        folder: Of the study, whose name it is.
        objective: Title of what trials are compared by.
        families: Says how far they are.
    """

    def __init__(self, folder: Path, objective: str, families: Callable[[], Sequence[FamilyNote]]) -> None:
        self.path = folder / PROGRESS_FILE
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self._objective, self._families = objective, families
        self._started, self._ended = _now(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def begin(self) -> None:
        """Write from now on."""
        self._write("running")
        self._thread.start()

    def note(self, line: str) -> None:
        """Keep a line that was said."""
        self.lines.append(one_line(line))

    def end(self, how: End) -> None:
        """Write for the last time."""
        self._ended.set()
        self._thread.join()
        self._write(how)

    def _go_on(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._write("running")

    def _write(self, state: Literal["running"] | End) -> None:
        # Families change under the thread's hands, which at worst spoils one writing.
        with suppress(OSError, ValueError, RuntimeError):
            note = ProgressNote(
                study_id=self.path.parent.name,
                state=state,
                started=self._started,
                updated=_now(),
                every=EVERY_SECONDS,
                objective=self._objective,
                families=list(self._families()),
                lines=list(self.lines),
            )
            write_text(self.path, note.model_dump_json(indent=1, exclude_defaults=True) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
