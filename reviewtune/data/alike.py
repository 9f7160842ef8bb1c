"""Texts whose surface is made alike: what a classifier still tells apart here, it reads in the words and their order.

By hand, since what cleans texts elsewhere (ftfy, clean-text, BeautifulSoup) mends or parses them, and leaves end
punctuation, doubled marks and the spaces around them as they are.
Shape letter: `N` reviews.
"""

import re
import unicodedata
from collections.abc import Sequence
from html import unescape
from itertools import pairwise

import numpy as np

from reviewtune.data.seeded import generator_of
from reviewtune.data.surface import EMOJI_CLASS, TAG

STOPS, OPENING, CLOSING, TIGHT, DASH = ".,;:!?", "([{", ")]}", "/", "-"
"""The marks by the spaces that they get: one after; one before; one after; none; both."""

MARKS = STOPS + OPENING + CLOSING + TIGHT + DASH
_WORD = rf"[^\s'\"<>{re.escape(MARKS)}]+"
_TOKEN = re.compile(rf"{_WORD}(?:['-]{_WORD}|(?<=\d)[.,:](?=\d){_WORD})*|[{re.escape(MARKS)}]")
"""A word, with the apostrophes, hyphens and decimal marks inside it, or a mark. What is neither is left out: white
space, angle brackets, and quotation marks."""
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_PICTURE = re.compile(f"[{EMOJI_CLASS}]")
_SPELLED = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u2039\u203a", '"')
    | {"&": " and "}
    | dict.fromkeys("\u2012\u2013\u2014\u2015", " - ")
)


def alike(text: str, words: int | None = None) -> str:
    """The text in lower case, with one spelling and spacing of marks, none of them doubled and none at its ends.

    HTML, emoji and quotation marks are gone, `&` is the word and, apostrophes are straight, white space is a single
    blank, and characters that Unicode calls compatible (full-width, ligatures, mathematical letters) are the plain ones
    (NFKC). Twice is the same as once. A text of nothing but surface becomes empty.

    Args:
        text: A review.
        words: Words beyond this number are cut off; None keeps all. At least 1.

    Examples:
        >>> alike("GREAT  product !!!  I don't regret it... <br /> Buy")
        "great product! i don't regret it. buy"
    """
    plain = _plain_characters(_UNSEEN.sub("", unescape(unescape(text))))
    tokens = _TOKEN.findall(TAG.sub(" ", _PICTURE.sub(" ", plain)))
    return _joined(_first(_undoubled(tokens), words))


def all_alike(texts: Sequence[str], seed: int) -> list[str]:
    """The N texts made alike, their lengths cut to numbers of words that tell nothing of what a text is.

    Each text is cut to the number of words of one of the N, drawn with replacement, whichever class either is of: so a
    text keeps its length where it is the shorter one, and long texts, of whatever class, lose what makes them long. The
    draw depends on the text, the seed and the lengths of the N, not on their order.

    Examples:
        >>> all_alike(["GREAT product!!!", "The zip broke on the very first day of our trip..."], seed=0)
        ['great product', 'the zip']
    """
    whole = [alike(text) for text in texts]
    lengths = np.sort([max(num_words(text), 1) for text in whole])
    drawn = [lengths[generator_of(text, seed, "length").integers(len(lengths))] for text in whole]
    return [alike(text, int(words)) for text, words in zip(whole, drawn, strict=True)]


def num_words(text: str) -> int:
    """The words of a text, as `alike` counts them.

    Examples:
        >>> num_words("I don't regret it!")
        4
    """
    return sum(map(_is_word, _TOKEN.findall(text)))


def _plain_characters(text: str) -> str:
    # NFKC takes an acute accent that stands for an apostrophe apart, and other marks for several of a kind.
    compatible = unicodedata.normalize("NFKC", text.translate(_SPELLED)).lower()
    return unicodedata.normalize("NFKC", compatible).translate(_SPELLED)


def _is_word(token: str) -> bool:
    return token not in MARKS


def _undoubled(tokens: list[str]) -> list[str]:
    """Without the stops and dashes that follow one of their kind, and without what no text begins with."""
    kept: list[str] = []
    for token in tokens:
        doubled = any(token in marks and kept[-1:] and kept[-1] in marks for marks in (STOPS, DASH))
        if _is_word(token) or token in OPENING or (kept and not doubled):
            kept.append(token)
    return kept


def _first(tokens: list[str], words: int | None) -> list[str]:
    """Up to the last word, or to the one of that number."""
    places = [place for place, token in enumerate(tokens) if _is_word(token)][:words]
    return tokens[: places[-1] + 1] if places else []


def _joined(tokens: list[str]) -> str:
    pieces = tokens[:1]
    for before, token in pairwise(tokens):
        joined = before in OPENING + TIGHT or token in STOPS + CLOSING + TIGHT
        pieces.append(token if joined else f" {token}")
    return "".join(pieces)
