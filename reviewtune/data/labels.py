"""Which label means fake. Known spellings are understood; anything else has to be said with `--fake-label`."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reviewtune.data.missing import is_missing
from reviewtune.data.shown import quoted
from reviewtune.errors import DataError

GENERATED = frozenset({"cg", "generated", "computer generated", "machine generated", "ai generated"})
FAKE_WORDS = frozenset({"fake", "deceptive", "spam"}) | GENERATED
GENUINE_WORDS = frozenset({"genuine", "or", "original", "real", "truthful", "ham", "human"})
TELLING_COLUMNS = frozenset({"fake", "is_fake", "deceptive", "is_deceptive"})
"""Columns whose own name says what true and 1 mean."""

_WHOLE = re.compile(r"^(-?\d+)\.0+$")
_YES = frozenset({"true", "1"})
_NO = frozenset({"false", "0"})
_LISTED = 8


def read_fake(
    values: Sequence[Any],
    column: str,
    fake_label: str | None,
    *,
    one_class: bool = False,
    told_by: str = "--fake-label",
) -> list[bool | None]:
    """Whether each review is fake, in order; None where the label is missing.

    Args:
        values: Labels as found: strings, booleans or numbers.
        column: The label column's name, which gives a meaning to yes-or-no values.
        fake_label: The user's `--fake-label`; it comes before any guess. Upper and lower case are the same.
        one_class: Whether one label is enough. `fake_label` may then be the other one, which does not occur.
        told_by: How the user can say it, for messages.

    Raises:
        DataError: There are not exactly two labels, or which of them is fake is not known.

    Examples:
        >>> read_fake(["CG", "OR", None], "label", None)
        [True, False, None]
        >>> read_fake(["bot", "shopper"], "label", "bot")
        [True, False]
        >>> read_fake(["bot", "shopper"], "label", None)
        Traceback (most recent call last):
        reviewtune.errors.DataError: which label of 'label' means fake is not known: found 'bot' (1), ...
    """
    keys = [_key(value) for value in values]
    counts = Counter(key for key in keys if key is not None)
    found = _found(counts, dict(zip(reversed(keys), reversed(values), strict=True)))
    if len(counts) != 2 and not (one_class and len(counts) == 1):
        missing = sum(key is None for key in keys)
        without = f", and {missing} rows without one (blank, nan, null or alike)" if missing and counts else ""
        raise DataError(
            f"the label column {quoted(column)} must hold two labels, it holds {len(counts)}: {found}{without}; "
            "choose another with --label-column or keep the rows of two labels"
        )
    fake = _fake_key(set(counts), column) if fake_label is None else _key(fake_label)
    if fake_label is not None and (fake is None or (fake not in counts and len(counts) == 2)):
        raise DataError(f"--fake-label {quoted(fake_label)} is no label of {quoted(column)}: found {found}")
    if fake is None:
        raise DataError(
            f"which label of {quoted(column)} means fake is not known: found {found}; give {told_by} with "
            f"{'one of them' if len(counts) == 2 else 'the label that means fake, whether or not it is this one'}"
        )
    return [None if key is None else key == fake for key in keys]


def has_label(values: Sequence[Any], label: str) -> bool:
    """Whether a label occurs among some values, as `read_fake` compares them.

    Examples:
        >>> has_label(["CG", "OR"], "cg"), has_label([1, 0], "1")
        (True, True)
    """
    wanted = _key(label)
    return wanted is not None and any(_key(value) == wanted for value in values)


def _found(counts: Counter[str], spelled: dict[str | None, Any]) -> str:
    """The most frequent labels, as they are spelled first, with their rows."""
    first = counts.most_common(_LISTED)
    listed = ", ".join(f"{quoted(str(spelled[key]).strip())} ({count})" for key, count in first)
    return f"{listed or 'only blanks'}{', ...' if len(counts) > _LISTED else ''}"


def _fake_key(keys: set[str], column: str) -> str | None:
    """The label that means fake, or None where that is a guess; of one label that means genuine, its opposite."""
    words = {key.replace("-", " ").replace("_", " "): key for key in keys}
    pairs = [(FAKE_WORDS, GENUINE_WORDS)]
    if column.strip().lower() in TELLING_COLUMNS:
        pairs.append((_YES, _NO))
    for fake_words, genuine_words in pairs:
        fakes, genuine = words.keys() & fake_words, words.keys() & genuine_words
        if len(fakes) + len(genuine) == len(keys) and max(len(fakes), len(genuine)) == 1:
            return words[fakes.pop()] if fakes else min(fake_words)
    return None


def _key(value: Any) -> str | None:
    """A label's spelling for comparing: lower case, 1.0 as 1; None for a missing one."""
    return None if is_missing(value) else spelled(value).lower()


def spelled(value: object) -> str:
    """A value as text, a whole number as one: a column with gaps holds 12 as 12.0.

    Examples:
        >>> spelled(12.0), spelled(" 12.0"), spelled(12), spelled("12.5")
        ('12', '12', '12', '12.5')
    """
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else _WHOLE.sub(r"\1", str(value).strip())  # type: ignore[call-overload]
