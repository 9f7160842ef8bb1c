"""What a review's text is: words, spelled one way, whether they come from a file or from a Python program.

Shape letters: `N` rows that were given, `M` of them that hold a text.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reviewtune.data.missing import is_missing
from reviewtune.data.plain_columns import as_text, is_bytes
from reviewtune.data.shown import listed, quoted, shown
from reviewtune.errors import DataError

ID_LENGTH = 16
_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)\s*")  # One way to read each digit: no time is lost on long ones.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_COLUMN = "give one column of it"


@dataclass(frozen=True)
class Prepared:
    """N rows as a classifier reads them.

    Attributes:
        texts: The M normalised texts that are neither blank nor a word for nothing (`missing.MISSING_WORDS`).
        rows: (M,) which rows they are of.
        total: N.
        repaired: How many of the M had lone surrogates, which no encoding has; each is U+FFFD now.
    """

    texts: list[str]
    rows: NDArray[np.int64]
    total: int
    repaired: int

    @property
    def missing(self) -> int:
        """Rows without a text."""
        return self.total - len(self.texts)

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """(N, ...) the (M, ...) floats in their rows, NaN in those without a text.

        Examples:
            >>> prepare(["The zip broke", None, "Great product"]).spread(np.array([0.1, 0.9])).tolist()
            [0.1, nan, 0.9]
        """
        whole = np.full((self.total, *values.shape[1:]), np.nan, dtype=values.dtype)
        whole[self.rows] = values
        return whole


Texts = Iterable[Any] | Prepared
"""A list, tuple, pandas Series or numpy array of str. Anything else in it (None, NaN, a number) is no text."""


def prepare(texts: Texts) -> Prepared:
    r"""Texts as a classifier reads them: what the command line and the Python functions both go by.

    Args:
        texts: N rows. What is prepared already stays as it is.

    Raises:
        DataError: It is a single str, a table or nothing that has an order.

    Examples:
        >>> prepared = prepare(["  The zip broke\r\n", None, "nan"])
        >>> prepared.texts, prepared.rows.tolist(), prepared.missing
        (['The zip broke'], [0], 2)
        >>> prepare("The zip broke")
        Traceback (most recent call last):
        reviewtune.errors.DataError: the texts are a single str, to be read letter by letter: put it in a list, [text]
    """
    if isinstance(texts, Prepared):
        return texts
    values = _in_order(texts)
    spelled = {row: normalise(value) for row, value in enumerate(values) if isinstance(value, str)}
    kept = {row: text for row, text in spelled.items() if not is_missing(text)}
    repaired = sum(_LONE_SURROGATE.search(values[row]) is not None for row in kept)
    return Prepared(list(kept.values()), np.fromiter(kept, np.int64, len(kept)), len(values), repaired)


def _in_order(texts: Any) -> list[Any]:
    """The N values, whatever they are."""
    kind = type(texts).__name__
    if isinstance(texts, str | bytes):
        raise DataError(f"the texts are a single {kind}, to be read letter by letter: put it in a list, [text]")
    names = getattr(texts, "column_names", getattr(texts, "columns", None))
    if names is not None:
        raise DataError(
            f"the texts are a whole {kind}: {_COLUMN}, table[NAME], NAME one of {listed(list(map(str, names)))}"
        )
    dimensions = getattr(texts, "ndim", 1)
    if dimensions != 1:
        raise DataError(f"the texts are a {kind} of {dimensions} dimensions, not of one: {_COLUMN}")
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping | AbstractSet):
        raise DataError(f"the texts are a {kind}, not a list, tuple, Series or array of str: put them in a list")
    return texts.to_pylist() if isinstance(texts, pa.Array | pa.ChunkedArray) else list(texts)


def normalise(text: str) -> str:
    r"""A text as reviewtune reads it: Unicode NFC, line feeds for line ends, no NUL, no white space around it.

    A lone surrogate, which no encoding has and some tokenizers refuse, becomes U+FFFD.

    Examples:
        >>> normalise("  The zip\r\nbroke\0 ")
        'The zip\nbroke'
    """
    plain = without_halves(text.replace("\0", ""))
    return unicodedata.normalize("NFC", plain.replace("\r\n", "\n").replace("\r", "\n")).strip()


def without_halves(text: str) -> str:
    r"""The text with U+FFFD in the place of each lone surrogate, which no encoding has.

    Examples:
        >>> without_halves("caf\ud83d")
        'caf\ufffd'
    """
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def text_id(text: str) -> str:
    """The id of a normalised text.

    Examples:
        >>> text_id("The zip broke")
        'decb0e7858fa5571'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def is_number(text: str) -> bool:
    """Whether a text is a bare number, such as a rating in the wrong column.

    Examples:
        >>> is_number("4.5"), is_number("4 stars")
        (True, False)
    """
    return _NUMBER.fullmatch(text) is not None


def read_texts(table: pa.Table, name: str) -> list[str | None]:
    """The values of a column that must hold text.

    Raises:
        DataError: It holds something else, numbers spelled out in a csv included.

    Examples:
        >>> read_texts(pa.table({"text": ["The zip broke", None]}), "text")
        ['The zip broke', None]
    """
    values = text_values(table, name)
    check_holds_text(values, table.column_names, name)
    return values


def text_values(table: pa.Table, name: str) -> list[str | None]:
    """The values of a column of text, numbers spelled out in a csv and bytes that are UTF-8 included.

    Raises:
        DataError: It is of another type.

    Examples:
        >>> text_values(pa.table({"text": ["5", None]}), "text")
        ['5', None]
    """
    column = table[name]
    if is_bytes(column.type):
        column = as_text(column)
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_null(held)):
        raise DataError(
            f"the column {quoted(name)} holds {shown(held, 60)}, not text: choose another of "
            f"{listed(table.column_names)} with --text-column"
        )
    values: list[str | None] = column.to_pylist()
    return values


def check_holds_text(values: Iterable[str | None], columns: Iterable[str], name: str) -> None:
    """Refuse a column whose values are all numbers or nothing.

    Args:
        values: Read until one is found that is text.
        columns: Names to choose from instead.
        name: Of the column.

    Raises:
        DataError: None of them is text.

    Examples:
        >>> check_holds_text(["5", "The zip broke"], ["text"], "text")
        >>> check_holds_text(["5", None], ["a", "b"], "a")
        Traceback (most recent call last):
        reviewtune.errors.DataError: the column 'a' holds numbers, not text: choose another of 'a', 'b' with...
    """
    filled = False
    for value in values:
        if value and not value.isspace():
            filled = True
            if not is_number(value):
                return
    what = "numbers" if filled else "no values"
    raise DataError(
        f"the column {quoted(name)} holds {what}, not text: choose another of {listed(list(columns))} with "
        "--text-column"
    )
