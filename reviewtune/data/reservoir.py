"""A sample of bounded size of a stream of unknown length."""

from collections.abc import Sequence

import numpy as np


class Reservoir:
    """Texts drawn from all that were shown, each as likely as any other (Vitter 1985, Algorithm R).

    Of no more than `most` texts it is all of them, in their order.

    Args:
        most: Texts that are kept.

    Attributes:
        texts: Those that are kept.

    Examples:
        >>> sample = Reservoir(3)
        >>> sample.show(["a", "b"])
        >>> sample.texts
        ['a', 'b']
        >>> sample.show(["c", "d", "e"])
        >>> len(sample.texts), sample.seen
        (3, 5)
    """

    def __init__(self, most: int) -> None:
        self.texts: list[str] = []
        self.seen = 0
        self._most = most
        self._random = np.random.default_rng(0)

    def show(self, texts: Sequence[str]) -> None:
        """Show further texts of the stream."""
        free = self._most - len(self.texts)
        self.texts.extend(texts[:free])
        self.seen += min(free, len(texts))
        rest = texts[free:]
        places = self._random.integers(0, self.seen + 1 + np.arange(len(rest)))
        for place, text in zip(places, rest, strict=True):
            if place < self._most:
                self.texts[place] = text
        self.seen += len(rest)
