"""What a trial leaves on disk after every leg: its last state, to go on from, and its best model."""

import json
import shutil
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import TypeAdapter

from reviewtune.errors import StudyError
from reviewtune.files import PARTIAL, in_one_step, put_back
from reviewtune.storage.mirror import fetch
from reviewtune.tuning.held_out import HeldOut

PROGRESS_FILE = "trial.json"
BEST = "best"
LAST = "last"


@runtime_checkable
class Resumable(Protocol):
    """A model that keeps the state of its training, so that it can go on elsewhere."""

    def save(self, folder: Path) -> None:
        """Write the model alone. See `families.base.Model.save`."""
        ...

    def save_state(self, folder: Path) -> None:
        """Write what `Setting.resume_from` needs to go on: the model and where its training stands."""
        ...


def keep(
    model: Resumable, folder: Path, result: dict[str, Any], *, improved: bool, said: HeldOut | None = None
) -> None:
    """Replace a trial's last state, and its best model where this leg's is better, each in one step.

    Args:
        model: After the leg.
        folder: Of the trial.
        result: What it reports of the leg.
        improved: It is the one to ship, so far.
        said: What it has said of held-out rows, this leg included, where that is to be kept.
    """
    if said:
        said.write(folder)
    for leftover in folder.glob(f".*{PARTIAL}"):
        shutil.rmtree(leftover, ignore_errors=True)
    writers = {BEST: model.save, LAST: model.save_state} if improved else {LAST: model.save_state}
    for name, write in writers.items():
        with in_one_step(folder / name) as partial:
            partial.mkdir()
            write(partial)
            (partial / PROGRESS_FILE).write_text(json.dumps(result) + "\n")


def last_state(folder: Path) -> Path | None:
    """Where a trial's last state is; None where it has none. What was being replaced at a death is put back.

    Args:
        folder: Of the trial.
    """
    for place in (folder / BEST, folder / LAST):
        put_back(place)
    return folder / LAST if fetch(folder / LAST).is_dir() else None


def kept_result(resume_from: Path) -> dict[str, Any]:
    """The last result that a trial kept, from its `LAST` folder.

    Raises:
        StudyError: The file is damaged.
    """
    path = resume_from / PROGRESS_FILE
    try:
        progress: dict[str, Any] = TypeAdapter(dict[str, Any]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StudyError(f"{path} is damaged ({reason}): delete its folder, the trial begins anew") from None
    return progress
