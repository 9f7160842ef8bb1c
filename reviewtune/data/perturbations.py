"""What befalls a text outside: slips, moved words, half a text, letters of another alphabet that look the same.

By hand, since each is a few lines and is to be the same for a text in any batch. nlpaug would bring 16 packages (gdown,
requests, beautifulsoup4), checklist installs jupyter while it is built, and textattack looks for what fools one
model, where these texts must be the same for all entries of a board.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from reviewtune.data.alike import all_alike
from reviewtune.data.seeded import generator_of

TYPO_RATE = 0.03
"""Share of the Latin letters with a slip: every ninth word of a review has one, about."""
SWAP_RATE = 0.2
"""Share of the words that change places with the next one, which then stays."""
HOMOGLYPH_RATE = 0.1
"""Share of the letters that have a look-alike: every fifth word of a review then holds one, about."""

_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
_KEYS = {key: (indent + at, row) for row, (keys, indent) in enumerate(_ROWS) for at, key in enumerate(keys)}
NEIGHBOURS = {
    key: "".join(other for other, (p, q) in _KEYS.items() if other != key and abs(p - x) <= 1 and abs(q - y) <= 1)
    for key, (x, y) in _KEYS.items()
}
"""The keys around each key of a QWERTY keyboard."""
HOMOGLYPHS = dict(
    zip("acehijopsxyABEHIJKMOPSTXNZ", "\u0430\u0441\u0435\u04bb\u0456\u0458\u043e\u0440\u0455\u0445\u0443"
        "\u0410\u0412\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u039d\u0396", strict=True)
)  # fmt: skip
"""Cyrillic and Greek letters that common fonts draw as the Latin one."""
_PIECE = re.compile(r"\S+|\s+")


def typos(texts: Sequence[str], seed: int, rate: float = TYPO_RATE) -> list[str]:
    """Letters of which some are a neighbouring key's, stand behind the next letter, or are missing, each as likely.

    Examples:
        >>> typos(["the zip broke"], seed=1, rate=0.2)
        ['the zi broke']
    """
    return [_mistyped(text, generator_of(text, seed, "typos"), rate) for text in texts]


def word_swaps(texts: Sequence[str], seed: int, rate: float = SWAP_RATE) -> list[str]:
    """Words of which some have changed places with the next one; white space stays where it was.

    Examples:
        >>> sorted(word_swaps(["one two three four"], seed=0)[0].split())
        ['four', 'one', 'three', 'two']
    """
    return [_swapped(text, generator_of(text, seed, "word swaps"), rate) for text in texts]


def truncation(texts: Sequence[str], seed: int = 0) -> list[str]:  # noqa: ARG001 - as the others are called
    """The first half of the words of each text, the one in the middle included.

    Examples:
        >>> truncation(["one two three four"])
        ['one two']
    """
    return [_first_half(text) for text in texts]


def homoglyphs(texts: Sequence[str], seed: int, rate: float = HOMOGLYPH_RATE) -> list[str]:
    """Letters of which some are those of another alphabet that look the same.

    Examples:
        >>> swapped = homoglyphs(["a nice product"], seed=0, rate=1.0)[0]
        >>> swapped.isascii(), len(swapped)
        (False, 14)
    """
    return [_disguised(text, generator_of(text, seed, "homoglyphs"), rate) for text in texts]


PERTURBATIONS: dict[str, Callable[[Sequence[str], int], list[str]]] = {
    "typos": typos,
    "word_swaps": word_swaps,
    "truncation": truncation,
    "homoglyphs": homoglyphs,
}
"""By name. What becomes of a text depends on it and the seed alone, wherever it stands among others."""


def variants(texts: Sequence[str], seed: int) -> dict[str, list[str]]:
    """The texts as they are (`plain`), with their surface made alike (`alike`), and by each perturbation's name.

    Examples:
        >>> list(variants(["The zip broke."], seed=0))
        ['plain', 'alike', 'typos', 'word_swaps', 'truncation', 'homoglyphs']
    """
    changed = {name: perturb(texts, seed) for name, perturb in PERTURBATIONS.items()}
    return {"plain": list(texts), "alike": all_alike(texts, seed), **changed}


def _mistyped(text: str, rng: np.random.Generator, rate: float) -> str:
    slips, kinds, keys = rng.random(len(text)) < rate, rng.integers(3, size=len(text)), rng.random(len(text))
    return "".join(_typed(text, slips, kinds, keys))


def _typed(text: str, slips: np.ndarray, kinds: np.ndarray, keys: np.ndarray) -> Iterator[str]:
    at = 0
    while at < len(text):
        letter, following = text[at], text[at + 1 : at + 2]
        around = NEIGHBOURS.get(letter.lower()) if letter.isascii() else None
        if around is None or not slips[at]:
            yield letter
        elif kinds[at] == 0:
            key = around[int(keys[at] * len(around))]
            yield key.upper() if letter.isupper() else key
        elif kinds[at] == 1 and following.isalpha():
            yield following + letter
            at += 1
        at += 1


def _swapped(text: str, rng: np.random.Generator, rate: float) -> str:
    pieces = _PIECE.findall(text)
    words = [at for at, piece in enumerate(pieces) if not piece.isspace()]
    draws, at = rng.random(len(words)), 0
    while at + 1 < len(words):
        if draws[at] < rate:
            one, other = words[at], words[at + 1]
            pieces[one], pieces[other] = pieces[other], pieces[one]
            at += 1
        at += 1
    return "".join(pieces)


def _first_half(text: str) -> str:
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    return text[: ends[(len(ends) - 1) // 2]] if ends else text


def _disguised(text: str, rng: np.random.Generator, rate: float) -> str:
    hit = rng.random(len(text)) < rate
    return "".join(HOMOGLYPHS.get(letter, letter) if here else letter for letter, here in zip(text, hit, strict=True))
