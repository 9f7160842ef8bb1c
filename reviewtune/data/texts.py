"""What a review's text is: a column of words, spelled one way."""

import hashlib
import re
import unicodedata

import pyarrow as pa

from reviewtune.data.shown import listed, quoted, shown
from reviewtune.errors import DataError

ID_LENGTH = 16
_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)\s*")  # One way to read each digit: no time is lost on long ones.


def normalise(text: str) -> str:
    """A text as reviewtune reads it: Unicode NFC, line feeds for line ends, no NUL, no white space around it."""
    return unicodedata.normalize("NFC", text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")).strip()


def text_id(text: str) -> str:
    """The id of a normalised text."""
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def is_number(text: str) -> bool:
    """Whether a text is a bare number, such as a rating in the wrong column."""
    return _NUMBER.fullmatch(text) is not None


def read_texts(table: pa.Table, name: str) -> list[str | None]:
    """The values of a column that must hold text.

    Raises:
        DataError: It holds something else, numbers spelled out in a csv included.
    """
    column = table[name]
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_null(held)):
        raise DataError(
            f"the column {quoted(name)} holds {shown(held, 60)}, not text: choose another of "
            f"{listed(table.column_names)} with --text-column"
        )
    values: list[str | None] = column.to_pylist()
    filled = [value for value in values if value and not value.isspace()]
    if all(map(is_number, filled)):
        what = "numbers" if filled else "no values"
        raise DataError(
            f"the column {quoted(name)} holds {what}, not text: choose another of {listed(table.column_names)} with "
            "--text-column"
        )
    return values
