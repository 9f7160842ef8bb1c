"""Tables in files that people and programs read: csv, tsv, jsonl and Parquet, as `predict` writes them."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
from pyarrow import compute

from reviewtune.errors import UsageError

DELIMITERS = {".csv": ",", ".tsv": "\t"}
ENDINGS = (*DELIMITERS, ".jsonl", ".parquet")
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


def as_stored(table: pa.Table, source: Path) -> pa.Table:
    """The table with the column types of the Parquet file that it was read from, where it was.

    The readers make plain strings of what is stored as a dictionary or otherwise.
    """
    from pyarrow import parquet

    if source.suffix.lower() != ".parquet" or not source.is_file() or not table.num_columns:
        return table
    types = parquet.read_schema(source).types
    columns = [
        column if column.type == stored else compute.cast(column, stored)
        for column, stored in zip(table.columns, types, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def write_table(table: pa.Table, path: Path | None, ending: str) -> None:
    """Write a table that `as_written` made.

    Args:
        table: N rows; without columns, N is not known.
        path: None for standard output.
        ending: One of `ENDINGS`.
    """
    if ending == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, path)
        return
    with _opened(path) as file:
        if ending == ".jsonl":
            file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in table.to_pylist())
            return
        rows = csv.writer(file, delimiter=DELIMITERS[ending], lineterminator="\n")
        rows.writerow(table.column_names)
        for batch in table.to_batches():
            rows.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))


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
    words = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        yield words
    finally:
        words.detach()
