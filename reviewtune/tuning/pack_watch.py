"""How many pack workers there are while a study runs, and what is said of those that come and go."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from reviewtune.tuning.growth import Growth

LOOK_SECONDS = 1.0
"""Between two looks."""
LOST_SECONDS = 60.0
"""How long none is there before that is said: one that died is mostly replaced sooner."""


@dataclass
class PackWatch:
    """Looks at the broker's workers now and then, in a thread of its own, as long as its block lasts.

    Attributes:
        broker: Handle of the `TrialBroker`.
        say: Takes a line for people.
        begun: Workers to begin with.
        growth: How many there may be.
        at_work: Those that there were at the last look.
        clock: Seconds.
    """

    broker: Any
    say: Callable[[str], None]
    begun: int
    growth: Growth
    at_work: int = 0
    clock: Callable[[], float] = time.monotonic
    _most: int = 0
    _seen: float | None = None
    """When some were at work last; None where that none is has been said, or there has been none."""
    _ended: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._most = self.begun
        if self.growth.fit < (least := max(1, self.growth.least)):
            packs = "a pack" if least == 1 else f"{least} packs"
            self.say(f"waits for room for {packs}, by --min-gpus and --max-gpus; there is room for {self.growth.fit}")
        self._thread = Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        assert self._thread
        self._thread.join()

    def await_least(self, is_over: Callable[[], bool]) -> None:
        """Until as many are at work as trials wait for, or there will be none."""
        while self.at_work < self.growth.least and self.growth.fit < self.growth.least and not is_over():
            time.sleep(LOOK_SECONDS)

    def _look_on(self) -> None:
        import ray

        while not self._ended.wait(LOOK_SECONDS):
            try:
                self.note(ray.get(self.broker.num_workers.remote()))
            except ray.exceptions.RayError:
                return

    def note(self, at_work: int) -> None:
        """So many are at work now."""
        self.at_work = at_work
        if at_work > self._most:
            self._most = at_work
            self.say(f"{at_work} packs train now")
        if at_work:
            self._seen = self.clock()
        elif self._seen is not None and self.clock() >= self._seen + LOST_SECONDS:
            self._seen = None
            self.say("no pack has a machine any more: trials wait until one joins; Ctrl-C keeps what has finished")
