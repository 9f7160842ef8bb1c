"""A value of the user's as it stands in a message: one line, not too long, nothing that a terminal obeys."""

from collections.abc import Sequence

from reviewtune.errors import escaped

LONGEST_SHOWN = 200
LONGEST_QUOTED = 40
LONGEST_LIST = 8


def shown(value: object, longest: int = LONGEST_SHOWN) -> str:
    """The value as text with its control characters escaped; of more than `longest` letters the middle is left out.

    Examples:
        >>> shown("one" * 100, longest=20)
        'oneoneone...neoneone'
    """
    # Cut before it is escaped too: it may be megabytes.
    return _cut(escaped(_cut(str(value), longest)), longest)


def quoted(value: object) -> str:
    r"""A name or a label, shown between quotes.

    Examples:
        >>> print(quoted("a tab\t"))
        'a tab\t'
    """
    return f"'{shown(value, LONGEST_QUOTED)}'"


def listed(names: Sequence[str]) -> str:
    """The first names, quoted, with how many more there are.

    Examples:
        >>> listed(["id", "text"])
        "'id', 'text'"
    """
    more = len(names) - LONGEST_LIST
    first = ", ".join(map(quoted, names[:LONGEST_LIST]))
    return f"{first} and {more} more" if more > 0 else first


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2 - 1]}...{text[-(longest // 2 - 2) :]}"
