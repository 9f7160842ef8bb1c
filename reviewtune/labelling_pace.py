"""How far the labelling of a long input is, and how fast: a line on a terminal, one now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from reviewtune.durations import duration
from reviewtune.tuning.waiting import Clock, showing


class Pace:
    """Counts rows and tells how fast they come.

    Args:
        total: Rows of the input; None where that is not known.
        show: Takes a line.
        clock: Seconds.
    """

    def __init__(self, total: int | None, show: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._total, self._show, self._clock = total, show, clock
        self._begun = self._scoring = clock()
        self.done = self.kept = 0

    def add(self, rows: int, *, kept: bool) -> None:
        """Count a chunk, whose scores an earlier run may have left."""
        if kept and self.done == self.kept:
            # Until now nothing was scored.
            self._scoring = self._clock()
        self.done += rows
        self.kept += rows * kept
        self._show(self.line())

    def line(self) -> str:
        """`labelled 8,192 of 100,000 reviews, 950 a second, 97 s left`."""
        of = f" of {self._total:,}" if self._total is not None else ""
        rate = self.rate()
        left = ""
        if self._total is not None and rate and self.done < self._total:
            left = f", {duration((self._total - self.done) / rate)} left"
        return f"labelled {self.done:,}{of} reviews{f', {rate:,.0f} a second' if rate else ''}{left}"

    def rate(self) -> float | None:
        """Reviews a second, of those that were scored in this run."""
        if self.done == self.kept:
            return None
        return (self.done - self.kept) / max(self._clock() - self._scoring, 1e-9)

    def summary(self) -> str:
        """What is said at the end."""
        rate = self.rate()
        before = f", {self.kept:,} of them by an earlier run" if self.kept else ""
        speed = f", {rate:,.0f} a second" if rate else ""
        return f"labelled {self.done:,} reviews in {duration(self._clock() - self._begun)}{speed}{before}"


@contextmanager
def paced(console: Console, total: int | None, *, several: bool) -> Iterator[Pace]:
    """What counts the rows of an input, and shows it where they are more than a chunk.

    Args:
        console: Shows it.
        total: Rows; None where that is not known.
        several: Whether they are more.
    """
    if not several:
        yield Pace(total, lambda _: None)
        return
    with showing(console, "labelling") as show:
        pace = Pace(total, show)
        yield pace
    if total is not None:
        console.print(pace.summary(), highlight=False, markup=False, soft_wrap=True)
