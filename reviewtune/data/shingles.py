"""Texts as sets of word 3-grams, each of these a number of 64 bits: what near-duplicates are told by.

That any two of `S` different 3-grams have one number has a chance of `S ** 2 / 2 ** 65`: 1 in 10,000 where a million
reviews have 60 million. One 3-gram would then be taken for another, which hardly a cluster can hang on. The same texts
have the same numbers in any process. Shape letters: `N` texts, `S` 3-grams.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from reviewtune.schema import WORD_LETTERS

WORDS = 3
"""Words of a shingle."""

VERSION = 2
"""Of what a word is: 2 since scripts without blanks have words of one letter."""

_UNSPACED = WORD_LETTERS + "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Those and the letters of Thai, Lao, Burmese and Khmer: a sentence would be one word, and its text one shingle."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_BATCH = 4096
"""Texts that are Python's words at a time."""
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class ShingleSets:
    """N sets of shingles.

    Attributes:
        batches: The numbers of all sets, one set after the other, each number of a set once; in parts of any length.
        sizes: (N,) how many each set has: one at least.
    """

    batches: list[NDArray[np.uint64]]
    sizes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.sizes)


def shingle_sets(texts: Iterable[str]) -> ShingleSets:
    """The sets of N texts. Case and punctuation do not count; a text of one or two words, or of none, is one shingle.

    A letter of a script that has no blanks between words is a word.

    Args:
        texts: Read once, a batch at a time.

    Examples:
        >>> sets = shingle_sets(["A tent that leaks in the rain!", "a tent", "..."])
        >>> sets.sizes.tolist()
        [5, 1, 1]
        >>> shingle_sets(["这款帐篷很好用。"]).sizes.tolist()
        [5]
    """
    found = [_sets(batch) for batch in batches(texts)]
    sizes = [sizes for _, sizes in found]
    return ShingleSets([keys for keys, _ in found], np.concatenate([np.zeros(0, np.int32), *sizes]))


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in their order, some thousands at a time."""
    remaining = iter(texts)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _sets(texts: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """The numbers of some texts' shingles, and how many each has."""
    words = [_words(text) for text in texts]
    rows = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(own) for own in words])
    numbers = _numbers(list(chain.from_iterable(words)))
    keys = (numbers[:-2] * _ODD + numbers[1:-1]) * _ODD + numbers[2:]
    inside = rows[:-2] == rows[2:]
    keys, rows = keys[inside], rows[:-2][inside]
    first = np.zeros(len(keys), dtype=np.bool_)
    # Of equal numbers in one row the first; those of two rows are made unlike.
    first[np.unique(keys ^ (rows * _ODD), return_index=True)[1]] = True
    return keys[first], np.bincount(rows[first].astype(np.int64), minlength=len(texts)).astype(np.int32)


def _words(text: str) -> list[str]:
    """At least as many as a shingle has; what is wanting is blank, as no word is."""
    words = _WORD.findall(text.casefold()) or [text]
    return words if len(words) >= WORDS else [*words, *[""] * (WORDS - len(words))]


def _numbers(words: list[str]) -> NDArray[np.uint64]:
    from pandas.util import hash_array

    return np.asarray(hash_array(np.array(words, dtype=object), categorize=False), dtype=np.uint64)
