"""Which label means fake. Known spellings are understood; anything else has to be said with `--fake-label`."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reviewtune.errors import DataError

FAKE_WORDS = frozenset({"fake", "cg", "computer generated", "deceptive", "spam"})
GENUINE_WORDS = frozenset({"genuine", "or", "original", "real", "truthful", "ham"})
TELLING_COLUMNS = frozenset({"fake", "is_fake", "deceptive", "is_deceptive"})
"""Columns whose own name says what true and 1 mean."""

_WHOLE = re.compile(r"^(-?\d+)\.0+$")
_YES = frozenset({"true", "1"})
_NO = frozenset({"false", "0"})


def read_fake(values: Sequence[Any], column: str, fake_label: str | None) -> list[bool | None]:
    """Whether each review is fake, in order; None where the label is missing (null, NaN or blank).

    Args:
        values: Labels as found: strings, booleans or numbers.
        column: The label column's name, which gives a meaning to yes-or-no values.
        fake_label: The user's `--fake-label`; it comes before any guess. Upper and lower case are the same.

    Raises:
        DataError: There are not exactly two labels, or which of them is fake is not known.
    """
    keys = [_key(value) for value in values]
    counts = Counter(key for key in keys if key is not None)
    spelled = {key: str(value).strip()[:40] for key, value in zip(reversed(keys), reversed(values), strict=True)}
    found = ", ".join(f"{spelled[key]!r} ({count})" for key, count in counts.most_common(8)) or "only blanks"
    if len(counts) != 2:
        raise DataError(
            f"the label column {column!r} must hold two labels, it holds {len(counts)}: {found}"
            f"{', ...' if len(counts) > 8 else ''}; choose another with --label-column or keep the rows of two labels"
        )
    fake = _fake_key(set(counts), column) if fake_label is None else _key(fake_label)
    if fake_label is not None and fake not in counts:
        raise DataError(f"--fake-label {fake_label!r} is no label of {column!r}: found {found}")
    if fake is None:
        raise DataError(
            f"which label of {column!r} means fake is not known: found {found}; give --fake-label with one of them"
        )
    return [None if key is None else key == fake for key in keys]


def _fake_key(keys: set[str], column: str) -> str | None:
    """The one of two labels that means fake, or None where that is a guess."""
    words = {key.replace("-", " ").replace("_", " "): key for key in keys}
    pairs = [(FAKE_WORDS, GENUINE_WORDS)]
    if column.strip().lower() in TELLING_COLUMNS:
        pairs.append((_YES, _NO))
    for fake_words, genuine_words in pairs:
        if len(words.keys() & fake_words) == 1 and len(words.keys() & genuine_words) == 1:
            return words[(words.keys() & fake_words).pop()]
    return None


def _key(value: Any) -> str | None:
    """A label's spelling for comparing: lower case, 1.0 as 1; None for a missing one."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return _WHOLE.sub(r"\1", str(value).strip().lower()) or None
