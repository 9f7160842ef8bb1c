"""The state of a slot that leaves its pack in the middle of a leg: what another worker needs to finish the leg."""

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field, NonNegativeFloat

from reviewtune.adapters.checkpoint import state_damage
from reviewtune.adapters.packed.slot_state import SlotState, load_slot
from reviewtune.families.qlora_slot import SlotModel
from reviewtune.stored import Stored, read_stored
from reviewtune.tuning.meter import Spent

MIDWAY_FILE = "midway.json"
"""Beside the state of a trial, until the next leg's state takes its place."""


class Midway(Stored):
    """What `midway.json` holds."""

    rows: int = Field(ge=0)
    """Reviews of the running leg that are done."""
    loss: float
    """Sum of their losses."""
    seconds: NonNegativeFloat
    """Of the device, that the trial has been charged so far."""
    joules: NonNegativeFloat | None = None
    """Likewise; None where some of them were not measured."""


@dataclass(frozen=True)
class MidwayModel:
    """Implements `tuning.keeping.Resumable`.

    Attributes:
        model: Where the slot stands.
        spent: Of the device, so far.
    """

    model: SlotModel
    spent: Spent

    def save(self, folder: Path) -> None:
        """Write the model alone. See `families.qlora_slot.SlotModel.save`."""
        self.model.save(folder)

    def save_state(self, folder: Path) -> None:
        """Write the state, and how far its leg is."""
        self.model.save_state(folder)
        state = self.model.state
        midway = Midway(rows=state.rows, loss=state.loss, seconds=self.spent.seconds, joules=self.spent.joules)
        (folder / MIDWAY_FILE).write_text(midway.model_dump_json() + "\n")


def load_midway(folder: Path, names: list[str]) -> tuple[SlotState, Spent | None]:
    """A slot's state with the part of a leg that is done, and what it has spent; None where it is between two legs.

    Args:
        folder: As `MidwayModel.save_state`, or `SlotModel.save_state`, has written it.
        names: Of the adapter's tensors, as for `load_slot`.

    Raises:
        StudyError: A file is missing or damaged.
    """
    state = load_slot(folder, names)
    if not (folder / MIDWAY_FILE).is_file():
        return state, None
    with state_damage(folder):
        midway = read_stored(folder / MIDWAY_FILE, Midway)
    return replace(state, rows=midway.rows, loss=midway.loss), Spent(midway.seconds, midway.joules)
