"""What a person sees while something takes its time: the newest word on a terminal, a line now and then elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from reviewtune.durations import duration

EVERY_SECONDS = 15.0
"""Between two lines where there is no terminal."""

Clock = Callable[[], float]


@dataclass
class Pace:
    """How far a count is, and by its speed so far how long the rest will take.

    Attributes:
        clock: Seconds.
    """

    clock: Clock = time.monotonic
    _first: tuple[float, float] | None = field(default=None, init=False)

    def seconds_left(self, done: float, total: float) -> float | None:
        """How long the rest takes; None before there is anything to tell it by, and at the end."""
        if not done:
            return None
        # What starting took, before the first were done, says nothing about the others.
        self._first = self._first or (self.clock(), done)
        seconds, since = self.clock() - self._first[0], done - self._first[1]
        return seconds * (total - done) / since if since > 0 and done < total else None

    def left(self, done: int, total: int) -> str:
        """`, 40 s left`; empty where that cannot be told."""
        seconds = self.seconds_left(done, total)
        return "" if seconds is None else f", {duration(seconds)} left"

    def line(self, what: str, done: int, total: int) -> str:
        """`what 1,280 of 5,000 reviews, 40 s left`."""
        return f"{what} {done:,} of {total:,} reviews{self.left(done, total)}"


class Seldom:
    """Passes a line on at most every `EVERY_SECONDS`, the first one after as long.

    Args:
        say: Takes the lines.
        clock: Seconds.
    """

    def __init__(self, say: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._last = clock()

    def __call__(self, line: str) -> None:
        """Say the line, or not."""
        if self._clock() - self._last >= EVERY_SECONDS:
            self._last = self._clock()
            self._say(line)


@contextmanager
def showing(console: Console, line: str) -> Iterator[Callable[[str], None]]:
    """Show a line on a terminal until the block ends; the function that is given replaces it, or says it elsewhere."""
    if not console.is_terminal:
        yield Seldom(lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True))
        return
    with console.status(Text(line)) as status:
        yield lambda text: status.update(Text(text))


@contextmanager
def waiting(console: Console, line: str) -> Iterator[None]:
    """Show that something is not done yet, and for how long it has been so."""
    ended, begun = threading.Event(), time.monotonic()

    def tick(show: Callable[[str], None]) -> None:
        while not ended.wait(1):
            show(f"{line} ({time.monotonic() - begun:.0f} s)")

    with showing(console, line) as show:
        thread = threading.Thread(target=tick, args=[show], daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
