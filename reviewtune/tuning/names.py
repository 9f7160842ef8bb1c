"""What dashboards call a trial: its family, its number in Optuna's history or its fold, and its main params."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from reviewtune.tuning.training import Training

LONGEST = 120
"""Letters of a name."""
NOT_IN_FOLDERS = re.compile(r"[^\w.=+-]+")


@dataclass(frozen=True)
class RunNames:
    """Names of the trials of a family.

    Attributes:
        family: Its name.
        shown: Params that a name tells, in this order.
        numbers: Of the trials of a search, by id; a search adds to them.
    """

    family: str
    shown: tuple[str, ...]
    numbers: dict[str, int] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Tune keeps a copy with every trial, whose name is made by then."""
        return {**self.__dict__, "numbers": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: Tune copies what it is configured by before any trial is drawn, and the numbers come with those."""
        return self

    def __call__(self, trial: Any) -> str:
        """The name of a trial, of which its id and its config are read: `qlora-6 rank=16 learning_rate=0.0005`."""
        asked = Training.of(trial.config)
        number = self.numbers.get(trial.trial_id)
        which = f" ({asked.fold})" if not asked.is_search else "" if number is None else f"-{number}"
        return f"{self.family}{which}{self._told(asked.params)}"[:LONGEST]

    def folder(self, trial: Any) -> str:
        """The same for a folder, which TensorBoard calls the trial by: its id makes it one of its own."""
        return f"{NOT_IN_FOLDERS.sub('-', self(trial))}_{trial.trial_id}"

    def _told(self, params: Mapping[str, Any]) -> str:
        return "".join(f" {name}={short(params[name])}" for name in self.shown if name in params)


def short(value: object) -> str:
    """A param for people."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
