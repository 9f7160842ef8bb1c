"""A trial in a slot of a pack, as the worker knows it."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.meter import Spent
from reviewtune.tuning.training import Fold, Training
from reviewtune.tuning.trial import NO_SCORE


@dataclass
class Tenant:
    """A trial in a slot.

    Attributes:
        trial_id: Its id.
        slot: Its place in the pack.
        training: What it trains.
        fold: Its rows and seed.
        said: Of the rows that are held out from it.
        best: Highest score so far.
        spent: Of the device, charged by its share of the tokens.
        params: The config of its Tune trial.
        result: That it kept last, with what the legs before it measured.
        earlier: What all its legs have measured: results that are on their way die with who carries them.
        allowed: Last leg that it may train for now.
        saving: The checkpoint that is being written.
    """

    trial_id: str
    slot: int
    params: dict[str, Any]
    training: Training
    fold: Fold
    said: HeldOut = field(default_factory=HeldOut)
    result: dict[str, Any] | None = None
    earlier: tuple[dict[str, Any], ...] = ()
    best: float = NO_SCORE
    spent: Spent = field(default_factory=Spent)
    allowed: int = 1
    saving: Future[None] | None = None
