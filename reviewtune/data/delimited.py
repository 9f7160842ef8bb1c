"""Tables of separated values: csv, tsv, and the same with another separator.

The reader is the standard library's, strict. pyarrow's, pandas' and polars' were weighed: the first two join rows where
a quote stands inside a quoted field, and lose what lies between; the second and third fill a row that is too short.
"""

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from reviewtune.data.shown import shown
from reviewtune.errors import DataError

TAB = "\t"
SEPARATORS = (",", ";", TAB, "|")
_NAMES = {",": "a comma", ";": "a semicolon", TAB: "a tab", "|": "a pipe"}

if TYPE_CHECKING:
    from _csv import Reader

Rows = list[list[str]]
Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL and csv.QUOTE_NONE."""


def read_delimited(text: str, separator: str, name: str) -> pa.Table:
    """All rows as string columns, blank where a field is.

    Args:
        text: The file.
        separator: That of its kind. Another one of `SEPARATORS` is taken where the header has it and all rows agree.
        name: What to call the file in a message.

    Raises:
        DataError: A row has other than the header's number of fields, or quotes do not match.
    """
    with _fields_of_any_length():
        others = (other for other in SEPARATORS if other != separator)
        possible = [one for one in (separator, *others) if _width(text, one) > 1] or [separator]
        faults = []
        for one in possible:
            try:
                return _table(_tab_rows(text, name) if one == TAB else _rows(text, one, name))
            except DataError as fault:
                faults.append(fault)
        raise faults[0]


def _width(text: str, separator: str) -> int:
    """Fields of the header by a separator, 0 where it cannot be read so."""
    try:
        return len(next((row for row in _reader(text, separator) if row), []))
    except csv.Error:
        return 0


def _tab_rows(text: str, name: str) -> Rows:
    """The rows of a text between tabs, which may be quoted, as spreadsheets do, or not, as the format itself says.

    A quote at a line's start and another at a later one's end can thus be a field of several lines, or two reviews that
    quote something. Where every line has all the fields it is a row: a field of several lines would leave lines that
    have too few. The quotes are then those of fields only if each line can be read so by itself, or the header is
    quoted, as it is where all fields are.
    """
    faults: list[DataError] = []
    found: list[Rows] = []
    both: tuple[Quoting, ...] = (csv.QUOTE_NONE, csv.QUOTE_MINIMAL)
    for quoting in both:
        try:
            found.append(_rows(text, TAB, name, quoting))
        except DataError as fault:
            faults.append(fault)
    if not found:
        raise faults[0]
    lines, quoted = found[0], found[-1]
    return quoted if len(lines) == len(quoted) or lines[0][0].startswith('"') else lines


def _rows(text: str, separator: str, name: str, quoting: Quoting = csv.QUOTE_MINIMAL) -> Rows:
    """The header and the rows, each of its length."""
    reader = _reader(text, separator, quoting)
    rows: Rows = []
    try:
        for row in reader:
            # A blank line is an empty value where there is one column, and nothing where there are several.
            fields = row or [""] * (bool(rows) and len(rows[0]) == 1)
            if rows and fields and len(fields) != len(rows[0]):
                raise DataError(
                    f"{name}, line {reader.line_num}: {len(fields)} fields where the header has {len(rows[0])}, with "
                    f"{_NAMES[separator]} between; quote fields that contain one, and double the quotes inside them "
                    '("")'
                )
            if fields:
                rows.append(fields)
    except csv.Error as error:
        raise DataError(
            f'{name}, line {reader.line_num}: {shown(error)}; double the quotes inside quoted fields ("")'
        ) from None
    return rows


def _reader(text: str, separator: str, quoting: Quoting = csv.QUOTE_MINIMAL) -> "Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, quoting=quoting)


def _table(rows: Rows) -> pa.Table:
    header, *body = rows or [[]]
    columns = zip(*body, strict=True) if body else [()] * len(header)
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], names=header)


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """Lift the reader's limit of 131,072 characters a field, which is the process's, for a while."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
