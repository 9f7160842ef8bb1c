"""How much of each entry the page carries, by how many entries there are: it stays below 6 MB and opens at once."""

from dataclasses import dataclass
from typing import Self

MANY = 40
WEIGHED = 8
"""Entries, the first ones of each board, whose params' importance is computed: a moment each."""


@dataclass(frozen=True)
class Budget:
    """What there is room for.

    Attributes:
        points: Ways of calling reviews fake, on an entry's curves.
        rows: Reviews in each of its lists.
        slices: Parts of the test split.
        curves: Trials whose learning curves are drawn.
        lines: Trials whose params are drawn, the best ones among them.
        history: Trials in the history of its search.
    """

    points: int = 160
    rows: int = 20
    slices: int = 12
    curves: int = 400
    lines: int = 200
    history: int = 10_000

    @classmethod
    def of(cls, entries: int) -> Self:
        """For a page of so many entries."""
        if entries <= MANY:
            return cls()
        return cls(80, 5, 6, curves=8_000 // entries + 20, lines=60, history=100_000 // entries)
