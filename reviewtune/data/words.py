"""The words of a text as places in it, and the text without some of them.

A word is what a person reads as one, in any script; marks of punctuation that stand together are one of their own, and
so is each letter of scripts that write a word as one or two of them (Chinese characters, kana).
Shape letter: `W` words.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from reviewtune.schema import WORD_LETTERS

Span = tuple[int, int]
"""Where a word begins and ends, as offsets into its text."""

LONGEST_WORD = 40
"""Characters. Longer ones, such as addresses or what scripts without blanks write, are cut."""

_JOINERS = "'\u2019-"
"""Part of a word where they stand within one."""
_SHORT = re.compile(f"[{WORD_LETTERS}]")
_WORD = re.compile("[wx]+(?:j[wx]+)*|[pjx]+|s")
"""In a text whose characters are replaced by their kinds."""


def word_spans(text: str) -> list[Span]:
    """The places of the W words of a text, in their order; between them is white space alone.

    Examples:
        >>> [text[start:end] for text in ["It's well-made!!"] for start, end in word_spans(text)]
        ["It's", 'well-made', '!!']
    """
    kinds = "".join(map(_kind, text))
    return [
        (start, min(start + LONGEST_WORD, word.end()))
        for word in _WORD.finditer(kinds)
        for start in range(word.start(), word.end(), LONGEST_WORD)
    ]


def in_parts(spans: Sequence[Span], most: int) -> list[list[Span]]:
    """The words in as many parts as there are, or, of more than `most`, in parts of equally many that follow another.

    Args:
        spans: W of them.
        most: Parts, at most; 1 or more.

    Examples:
        >>> in_parts([(0, 1), (2, 3), (4, 5)], 2)
        [[(0, 1), (2, 3)], [(4, 5)]]
    """
    length = max(1, -(-len(spans) // most))
    return [list(spans[start : start + length]) for start in range(0, len(spans), length)]


def without(text: str, start: int, end: int) -> str:
    """The text without what lies between two offsets, and with no gap, or blank before a mark, where it was.

    Examples:
        >>> without("a great product.", 8, 15)
        'a great.'
    """
    left, right = text[:start], text[end:]
    before, after = left[len(left.rstrip()) :], right[: len(right) - len(right.lstrip())]
    if before and after:
        wider = max(before, after, key=len)
        return left.rstrip() + wider + right.lstrip()
    if before and _kind(right[:1]) == "p":
        return left.rstrip() + right
    return left + right


@lru_cache(maxsize=4096)
def _kind(letter: str) -> str:
    """A blank, of a `w`ord, a `s`hort word, a `j`oiner, a `p`unctuation mark or symbol, or an e`x`tension of any."""
    if not letter or letter.isspace():
        return " "
    if letter in _JOINERS:
        return "j"
    category = unicodedata.category(letter)
    if category == "Cf":
        return "x"
    if category[0] in "PS":
        return "p"
    return "s" if _SHORT.match(letter) else "w"
