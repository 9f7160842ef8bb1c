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
    """

    points: int
    rows: int
    slices: int

    @classmethod
    def of(cls, entries: int) -> Self:
        """For a page of so many entries."""
        return cls(160, 20, 12) if entries <= MANY else cls(80, 5, 6)
