"""Which column is which: by name where the user gave one, otherwise by the names that review data usually has."""

from collections.abc import Sequence

from reviewtune.data.shown import listed, quoted
from reviewtune.errors import DataError

LABEL_NAMES = ("label", "labels", "class", "is_fake", "fake", "is_deceptive", "deceptive")
CATEGORY_NAMES = ("category", "product_category")
LANGUAGE_NAMES = ("language", "lang")
RATING_NAMES = ("rating", "stars", "star_rating", "overall")


def find_column(names: Sequence[str], wanted: str | None, usual: Sequence[str], flag: str) -> str:
    """The one column that is meant, as the source spells it.

    Args:
        names: The source's columns.
        wanted: The user's choice; case matters only where two columns differ in nothing else.
        usual: Names to look for where the user chose none, in lower case.
        flag: The option that chooses, for the message.

    Raises:
        DataError: No column matches, or more than one.

    Examples:
        >>> from reviewtune.schema import TEXT_NAMES
        >>> find_column(["Id", "Review", "Label"], None, TEXT_NAMES, "--text-column")
        'Review'
        >>> find_column(["id", "body", "content"], None, TEXT_NAMES, "--text-column")
        Traceback (most recent call last):
        reviewtune.errors.DataError: the columns 'body', 'content' could each be meant: give --text-column with one ...
    """
    if wanted is None:
        found = [name for name in names if _plain(name) in usual]
    else:
        found = [name for name in names if name == wanted] or [name for name in names if _plain(name) == _plain(wanted)]
    if len(found) == 1:
        return found[0]
    choice = listed(names)
    if not found and wanted is not None:
        raise DataError(f"there is no column {quoted(wanted)}: {flag} must be one of the columns {choice}")
    if not found:
        raise DataError(f"no column is named {usual[0]!r} or alike: give {flag} with one of the columns {choice}")
    if len(set(found)) == 1:
        raise DataError(
            f"{len(found)} columns are named {quoted(found[0])}: rename all but one of the columns {choice}"
        )
    raise DataError(f"the columns {listed(found)} could each be meant: give {flag} with one of them")


def has_column(names: Sequence[str], wanted: str) -> bool:
    """Whether a column is called so, in whatever case.

    Examples:
        >>> has_column(["Id", "Review"], "review")
        True
    """
    return any(_plain(name) == _plain(wanted) for name in names)


def optional_column(names: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column with the first of the usual names that occurs exactly once, or None.

    Examples:
        >>> optional_column(["id", "stars"], RATING_NAMES), optional_column(["id"], RATING_NAMES)
        ('stars', None)
    """
    plain = [_plain(name) for name in names]
    return next((names[plain.index(name)] for name in usual if plain.count(name) == 1), None)


def _plain(name: str) -> str:
    return name.strip().lower()
