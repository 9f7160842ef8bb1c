"""Tables of separated values: csv, tsv, and the same with another separator.

The reader is the standard library's, strict. pyarrow's, pandas' and polars' were weighed: the first two join rows where
a quote stands inside a quoted field, and lose what lies between; the second and third fill a row that is too short.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import pyarrow as pa

from reviewtune.data.shown import shown
from reviewtune.errors import DataError

TAB = "\t"
SEPARATORS = (",", ";", TAB, "|")
_NAMES = {",": "a comma", ";": "a semicolon", TAB: "a tab", "|": "a pipe"}

if TYPE_CHECKING:
    from _csv import Reader

Row = list[str]
Opened = Callable[[], AbstractContextManager[Iterable[str]]]
"""Opens a file's lines, each with its end as it stands there, any number of times."""
Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL and csv.QUOTE_NONE."""


class Delimited(NamedTuple):
    """How a file is separated, found by reading all of it.

    Attributes:
        header: Names of the columns.
        num_rows: Below the header.
        separator, quoting: Of its fields.
        rows: Those below the header, where they were to be kept.
    """

    header: Row
    num_rows: int
    separator: str
    quoting: Quoting
    rows: list[Row] | None


def read_delimited(text: str, separator: str, name: str) -> pa.Table:
    """All rows as string columns, blank where a field is.

    Args:
        text: The file.
        separator: That of its kind. Another one of `SEPARATORS` is taken where the header has it and all rows agree.
        name: What to call the file in a message.

    Raises:
        DataError: A row has other than the header's number of fields, or quotes do not match.
    """
    found = _layout(lambda: io.StringIO(text, newline=""), separator, name, keep=True)
    return table_of_rows(found.header, found.rows or [])


def delimited_layout(opened: Opened, separator: str, name: str) -> Delimited:
    """How a file is separated, all its rows checked and none kept. Arguments and errors as of `read_delimited`."""
    return _layout(opened, separator, name, keep=False)


def delimited_rows(opened: Opened, layout: Delimited, name: str) -> Iterator[Row]:
    """The rows below the header of a file whose layout is known."""
    with fields_of_any_length(), opened() as lines:
        rows = _rows(lines, layout.separator, name, layout.quoting)
        next(rows, None)
        yield from rows


def table_of_rows(header: Row, rows: list[Row]) -> pa.Table:
    """The rows as string columns."""
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], names=header)


def _layout(opened: Opened, separator: str, name: str, *, keep: bool) -> Delimited:
    with fields_of_any_length():
        others = (other for other in SEPARATORS if other != separator)
        possible = [one for one in (separator, *others) if _width(opened, one) > 1] or [separator]
        faults = []
        for one in possible:
            try:
                return (_read_tabs if one == TAB else _read)(opened, one, name, keep=keep)
            except DataError as fault:
                faults.append(fault)
        raise faults[0]


def _width(opened: Opened, separator: str) -> int:
    """Fields of the header by a separator, 0 where it cannot be read so."""
    try:
        with opened() as lines:
            return len(next((row for row in _reader(lines, separator) if row), []))
    except csv.Error:
        return 0


def _read_tabs(opened: Opened, separator: str, name: str, *, keep: bool) -> Delimited:
    """The rows of a text between tabs, which may be quoted, as spreadsheets do, or not, as the format itself says.

    A quote at a line's start and another at a later one's end can thus be a field of several lines, or two reviews that
    quote something. Where every line has all the fields it is a row: a field of several lines would leave lines that
    have too few. The quotes are then those of fields only if each line can be read so by itself, or the header is
    quoted, as it is where all fields are.
    """
    faults: list[DataError] = []
    found: list[Delimited] = []
    both: tuple[Quoting, ...] = (csv.QUOTE_NONE, csv.QUOTE_MINIMAL)
    for quoting in both:
        try:
            found.append(_read(opened, separator, name, quoting, keep=keep))
        except DataError as fault:
            faults.append(fault)
    if not found:
        raise faults[0]
    lines, quoted = found[0], found[-1]
    return quoted if lines.num_rows == quoted.num_rows or lines.header[0].startswith('"') else lines


def _read(opened: Opened, separator: str, name: str, quoting: Quoting = csv.QUOTE_MINIMAL, *, keep: bool) -> Delimited:
    with opened() as lines:
        rows = _rows(lines, separator, name, quoting)
        header = next(rows, [])
        kept = list(rows) if keep else None
        num_rows = sum(1 for _ in rows) if kept is None else len(kept)
    return Delimited(header, num_rows, separator, quoting, kept)


def _rows(lines: Iterable[str], separator: str, name: str, quoting: Quoting) -> Iterator[Row]:
    """The header and the rows, each of its length."""
    reader = _reader(lines, separator, quoting)
    header: Row = []
    try:
        for row in reader:
            # A blank line is an empty value where there is one column, and nothing where there are several.
            fields = row or [""] * (len(header) == 1)
            if header and fields and len(fields) != len(header):
                raise DataError(
                    f"{name}, line {reader.line_num}: {len(fields)} fields where the header has {len(header)}, with "
                    f"{_NAMES[separator]} between; quote fields that contain one, and double the quotes inside them "
                    '("")'
                )
            if fields:
                header = header or fields
                yield fields
    except csv.Error as error:
        raise DataError(
            f'{name}, line {reader.line_num}: {shown(error)}; double the quotes inside quoted fields ("")'
        ) from None


def _reader(lines: Iterable[str], separator: str, quoting: Quoting = csv.QUOTE_MINIMAL) -> "Reader":
    return csv.reader(lines, delimiter=separator, strict=True, quoting=quoting)


@contextmanager
def fields_of_any_length() -> Iterator[None]:
    """Lift the reader's limit of 131,072 characters a field, which is the process's, for a while."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
