"""How many trials run at a time, where that grows with the workers that join: each is drawn when there is room for it.

One that was drawn earlier, and waited, would have learnt nothing from those that end meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter, Searcher


@dataclass(frozen=True)
class Room:
    """Trials that may run at a time just now; its copies, which Tune keeps in files, tell nothing.

    Attributes:
        count: Of them.
    """

    count: Callable[[], int]

    def __call__(self) -> int:
        """Of trials, at least one."""
        return max(1, self.count())

    def __reduce__(self) -> tuple[Any, ...]:
        return Room, (int,)


class GrowingSearch(ConcurrencyLimiter):  # type: ignore[misc]
    """A search that draws no more trials than there is room for.

    Args:
        searcher: Draws them.
        room: Asked before each.
    """

    def __init__(self, searcher: Searcher, room: Room) -> None:
        super().__init__(searcher, max_concurrent=room())
        self.room = room

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Params of a trial, or None for now. See `ray.tune.search.Searcher.suggest`."""
        self.max_concurrent = self.room()
        drawn: dict[str, Any] | None = super().suggest(trial_id)
        return drawn


class GrowingList(BasicVariantGenerator):  # type: ignore[misc]
    """Listed trials, no more of them at a time than there is room for.

    Args:
        room: Asked before each.
    """

    def __init__(self, room: Room) -> None:
        super().__init__(max_concurrent=room())
        self.room = room

    def next_trial(self) -> Any:
        """The next one, or None for now. See `ray.tune.search.SearchAlgorithm.next_trial`."""
        self.max_concurrent = self.room()
        return super().next_trial()
