"""Tables in files that people and programs read: csv, tsv, jsonl and Parquet, as `predict` writes them."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import compute

from reviewtune.errors import UsageError

DELIMITERS = {".csv": ",", ".tsv": "\t"}
ENDINGS = (*DELIMITERS, ".jsonl", ".parquet")
GROUP_ROWS = 2**16
"""Of a row group of Parquet, about."""
PLAIN = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_null, pa.types.is_string, pa.types.is_large_string)
"""Types of Arrow that JSON has."""


def as_written(table: pa.Table, ending: str) -> pa.Table:
    """The table with each column as a file of that kind holds it; Parquet holds them as they are.

    Raises:
        UsageError: Such a file cannot hold a column.
    """
    if ending not in DELIMITERS and len(set(table.column_names)) < table.num_columns:
        twice = next(name for name in table.column_names if table.column_names.count(name) > 1)
        raise UsageError(f"a {ending} file holds no two columns named {twice!r}: give --output FILE.csv")
    if ending == ".parquet":
        return table
    spell = _json_column if ending == ".jsonl" else _text_column
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            columns.append(spell(column))
        except (pa.ArrowException, ValueError, OverflowError):
            raise UsageError(
                f"a {ending} file cannot hold the column {name!r} of {column.type}: give --output FILE.parquet, or "
                "--only-scores"
            ) from None
    return pa.Table.from_arrays(columns, names=table.column_names) if columns else table


def as_stored(table: pa.Table, stored: pa.Schema | None) -> pa.Table:
    """The table with the column types of the Parquet file that it was read from, where it was.

    The readers make plain strings of what is stored as a dictionary or otherwise.
    """
    if stored is None or not table.num_columns:
        return table
    columns = [
        column if column.type == kind else compute.cast(column, kind)
        for column, kind in zip(table.columns, stored.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def stored_schema(source: str) -> pa.Schema | None:
    """The columns of a Parquet file; None of any other source."""
    from pyarrow import parquet

    path = Path(source)
    return parquet.read_schema(path) if path.suffix.lower() == ".parquet" and path.is_file() else None


def write_table(table: pa.Table, path: Path | None, ending: str) -> None:
    """Write a table that `as_written` made. Arguments as of `table_writer`."""
    with table_writer(path, ending) as write:
        write(table)


@contextmanager
def table_writer(path: Path | None, ending: str) -> Iterator[Callable[[pa.Table], None]]:
    """What writes tables that `as_written` made, of the same columns, one below the other.

    Args:
        path: None for standard output.
        ending: One of `ENDINGS`.
    """
    if ending == ".parquet":
        with _parquet_writer(path) as write:
            yield write
        return
    with _opened(path) as file:
        yield _json_writer(file) if ending == ".jsonl" else _delimited_writer(file, DELIMITERS[ending])


def _json_writer(file: IO[str]) -> Callable[[pa.Table], None]:
    def write(table: pa.Table) -> None:
        file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in table.to_pylist())

    return write


class _EndsInNewlines:
    """A file for `csv.writer`, which quotes a carriage return in a cell only where its own lines end with one."""

    TERMINATOR = "\r\n"

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def write(self, row: str) -> None:
        self.file.write(row.removesuffix(self.TERMINATOR) + "\n")


def _delimited_writer(file: IO[str], delimiter: str) -> Callable[[pa.Table], None]:
    rows = csv.writer(_EndsInNewlines(file), delimiter=delimiter, lineterminator=_EndsInNewlines.TERMINATOR)
    begun = False

    def write(table: pa.Table) -> None:
        nonlocal begun
        if not begun:
            rows.writerow(table.column_names)
            begun = True
        for batch in table.to_batches():
            rows.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))

    return write


@contextmanager
def _parquet_writer(path: Path | None) -> Iterator[Callable[[pa.Table], None]]:
    from pyarrow import parquet

    waiting: list[pa.Table] = []
    with ExitStack() as stack:
        writer: Any = None

        def flush() -> None:
            nonlocal writer
            joined = pa.concat_tables(waiting)
            waiting.clear()
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(path, joined.schema))
            writer.write_table(joined)

        def write(table: pa.Table) -> None:
            waiting.append(table)
            if sum(map(len, waiting)) >= GROUP_ROWS:
                flush()

        yield write
        if waiting:
            flush()


def _text_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the words of a csv file."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        words = [None if value is None else _json(value) for value in column.to_pylist()]
        return pa.chunked_array([words], pa.string())
    return column.cast(pa.string())


def _json_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of what JSON has; dates and the like as words, what is no number as null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        return compute.if_else(compute.is_finite(column), column, None)
    if pa.types.is_nested(column.type):
        for value in column.to_pylist():
            _json(value)
        return column
    return column if any(is_type(column.type) for is_type in PLAIN) else column.cast(pa.string())


def _json(value: object) -> str:
    """A nested value as JSON.

    Raises:
        ValueError: JSON has no such value.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except TypeError as error:
        raise ValueError(str(error)) from None


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    if path is not None:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    if sys.stdout is None:
        raise UsageError("standard output is closed: give --output FILE")
    words = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield words
    finally:
        words.detach()
