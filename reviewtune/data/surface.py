"""What a review looks like, whatever it says: counts and shares that need no dictionary and no model.

Salminen et al. (2022) let GPT-2 write reviews, and two of these features tell most of them from people's: 36 % of the
fakes and 90 % of the genuine reviews end in a mark of `CLOSING`, and 24 % of the fakes but no genuine review have a
letter right after a full stop. A classifier that learns only that is of no use elsewhere, so `families.rules` measures
how far it comes.
Shape letters: `N` reviews, `F` features.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

CLOSING = ".!?)\"'\u2019\u201d"
"""The marks that a finished text ends in."""
EMOJI_CLASS = "\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f"
"""For within the brackets of a regular expression: the blocks of Unicode that hold pictures, and what joins them."""
TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")
"""A tag or comment of HTML. What follows a `<` is read once, up to the next: no text takes more than linear time."""

_EMOJI = re.compile(f"[{EMOJI_CLASS}]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]\w{1,31});")
_CAPITAL = re.compile(r"[^\W\d_a-z]")
_DIGIT = re.compile(r"\d")
_PUNCTUATION = re.compile(r"[^\w\s]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NO_SPACE_AFTER = re.compile(r"(?<=[^\W\d_])[.!?,;:)](?=[^\W\d_])")
_SPACE_BEFORE = re.compile(r"\s[.!?,;:)]")
_DOUBLED_PUNCTUATION = re.compile(r"([.!?,;:])\s?\1")
_DOUBLED_SPACE = re.compile(r"\s\s")


def _count(pattern: re.Pattern[str]) -> Callable[[str], float]:
    return lambda text: float(len(pattern.findall(text)))


def _share(pattern: re.Pattern[str]) -> Callable[[str], float]:
    return lambda text: len(pattern.findall(text)) / max(len(text), 1)


def _capitals(text: str) -> float:
    """Share of characters; most of the letters that `_CAPITAL` finds outside of ASCII are small ones."""
    return sum(map(str.isupper, _CAPITAL.findall(text))) / max(len(text), 1)


FEATURES: dict[str, Callable[[str], float]] = {
    "characters": lambda text: float(len(text)),
    "words": lambda text: float(len(text.split())),
    "capitals": _capitals,
    "digits": _share(_DIGIT),
    "punctuation": _share(_PUNCTUATION),
    "not_ascii": _share(_NOT_ASCII),
    "ends_closed": lambda text: float(text.rstrip().endswith(tuple(CLOSING))),
    "no_space_after_punctuation": _count(_NO_SPACE_AFTER),
    "space_before_punctuation": _count(_SPACE_BEFORE),
    "doubled_punctuation": _count(_DOUBLED_PUNCTUATION),
    "doubled_space": _count(_DOUBLED_SPACE),
    "html": lambda text: float(len(TAG.findall(text)) + len(_ENTITY.findall(text))),
    "emoji": _count(_EMOJI),
}
"""The features by name. Those that are shares are of all characters; the others count, or are 1 where it is so."""


def surface(texts: Sequence[str]) -> NDArray[np.float64]:
    """(N, F) the features of N texts, in the order of `FEATURES`; a text takes some 30 microseconds.

    Examples:
        >>> features = surface(["GREAT!!!", "it broke"])
        >>> features.shape == (2, len(FEATURES))
        True
    """
    columns = [np.fromiter(map(feature, texts), np.float64, len(texts)) for feature in FEATURES.values()]
    return np.stack(columns, axis=1)
