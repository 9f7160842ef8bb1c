"""What the trials of a family compute of the same texts, computed once and lent to all of them.

Shape letters: `N` texts that are shared, `M` of them that a trial reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from reviewtune.families.base import as_texts

Work = Callable[[Sequence[str]], Any]
"""Of N texts."""


@runtime_checkable
class Sharing(Protocol):
    """A family of texts whose trials have some work in common."""

    def shared_work(self, fixed: Mapping[str, Any]) -> Mapping[str, Work]:
        """By name, what trials with these params fixed may ask of all texts, whatever their other params are."""
        ...

    def shared_bytes(self, characters: int, fixed: Mapping[str, Any]) -> int:
        """What all of it takes, about, of texts with so many characters together."""
        ...


@dataclass(frozen=True, eq=False)
class SharedTexts(Sequence[str]):
    """Some of the texts that trials share, with what has been computed of all.

    Attributes:
        everything: The N texts.
        rows: (M,) which of them these are.
        lend: Gives what has been computed of all, by the name of the work: something that is indexed by rows.

    Examples:
        >>> texts = SharedTexts(["Great", "The zip broke"], np.array([0, 1]), {"lengths": np.array([5, 13])}.get)
        >>> own = texts.take(np.array([1]))
        >>> list(own), own.own("lengths").tolist()
        (['The zip broke'], [13])
    """

    everything: Sequence[str]
    rows: NDArray[np.int64]
    lend: Callable[[str], Any]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self.everything[row] for row in self.rows[index].tolist()]
        return str(self.everything[self.rows[index]])

    def take(self, rows: NDArray[np.int64]) -> "SharedTexts":
        """Some of them: (n,) numbers from 0 to M - 1."""
        return SharedTexts(self.everything, self.rows[rows], self.lend)

    def own(self, name: str) -> Any:
        """(M, ...) what has been computed of these texts."""
        return self.lend(name)[self.rows]


def computed(inputs: Any, name: str, work: Work) -> Any:
    """(M, ...) what `work` makes of the texts of a family: what is shared of it, or else computed now.

    Args:
        inputs: M texts.
        name: Of the work, among those that the family shares.
        work: Makes a row of each text, which depends on that text alone.

    Examples:
        >>> def lengths(texts):
        ...     return np.array([len(text) for text in texts])
        >>> computed(["Great", "The zip broke"], "lengths", lengths).tolist()
        [5, 13]
    """
    return inputs.own(name) if isinstance(inputs, SharedTexts) else work(as_texts(inputs))
