"""What can be measured of a review's text without a model, and keeps no text: length, signs, hashed tokens.

Nothing here is fitted, so these numbers mean the same for a review that was trained on as for a new one. Shape
letters: `N` reviews, `T` tokens of all of them, `D` traits.
"""

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BUCKETS = 2**15
"""Of the hashed tokens."""
SKETCH = 64
"""Traits that sum the tokens of a review, each with a sign and a place that its hash gives."""
SURFACE = 12
TRAITS = SURFACE + SKETCH

_LETTERS_OF_ONE_WORD = r"\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(rf"[{_LETTERS_OF_ONE_WORD}]|[^\W{_LETTERS_OF_ONE_WORD}]+|[^\w\s]")
"""A word, a sign, or a letter of the scripts that write words without spaces between them."""


def hashed_tokens(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(T,) hashes of the tokens of all texts, and (N + 1,) where those of each begin and end.

    CRC-32: the same in every process and version, and no library is loaded for it.
    """
    known: dict[str, int] = {}
    hashes: list[int] = []
    ends = [0]
    for text in texts:
        for token in _TOKEN.findall(text):
            number = known.get(token)
            if number is None:
                number = known[token] = crc32(token.encode("utf-8", "replace"))
            hashes.append(number)
        ends.append(len(hashes))
    return np.array(hashes, dtype=np.int64), np.array(ends, dtype=np.int64)


def traits_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """(N, D) finite traits of each text: of its surface, then its tokens in signed buckets over the root of its length.

    Such sketches keep distances between the counts of tokens nearly as they are (Weinberger et al., "Feature hashing
    for large scale multitask learning", ICML 2009).
    """
    hashes, ends = hashed_tokens(texts)
    rows = np.repeat(np.arange(len(texts)), np.diff(ends))
    sketch = np.zeros((len(texts), SKETCH), dtype=np.float32)
    # Other bits of the hash than those that choose the place.
    np.add.at(sketch, (rows, hashes % SKETCH), np.where(hashes >> 20 & 1, 1, -1))
    lengths = np.array([max(1, len(text)) for text in texts], dtype=np.float32)
    surface = np.array([_surface(text) for text in texts], dtype=np.float32).reshape(len(texts), SURFACE)
    return np.hstack([surface, sketch / np.sqrt(lengths)[:, None]])


def _surface(text: str) -> list[float]:
    """Length, and shares of its letters and words."""
    letters, words = max(1, len(text)), text.split()
    counts = [
        sum(map(str.isupper, text)),
        sum(map(str.isdigit, text)),
        sum(letter > "\x7f" for letter in text),
        *(text.count(sign) for sign in " .,!\n"),
    ]
    return [
        float(np.log(letters)),
        *(count / letters for count in counts),
        len(set(words)) / max(1, len(words)),
        float(np.log(letters / max(1, len(words)))),
        float(text[-1:] in tuple(".!?")),
    ]
