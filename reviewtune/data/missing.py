"""What counts as no value: one list, for texts, labels, groups and all else, whatever kind of file they come from."""

import math
from typing import Any

MISSING_WORDS = frozenset(
    {"", "nan", "-nan", "null", "none", "na", "n/a", "<na>", "nat"}  # pandas, SQL and R, spelled out
    | {"#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "1.#ind", "1.#qnan"}  # spreadsheets and C
    | {"\\n"}  # MySQL
)
"""How programs spell a missing value in a text file, in lower case: what pandas takes for missing, in any case."""


def is_missing(value: Any) -> bool:
    """Whether a value is none: null, NaN, blank, or a word of `MISSING_WORDS`.

    Examples:
        >>> [is_missing(value) for value in (None, "", "  ", "NaN", "null", "none of it works")]
        [True, True, True, True, True, False]
    """
    if isinstance(value, str):
        return value.strip().lower() in MISSING_WORDS
    return value is None or (isinstance(value, float) and math.isnan(value))
