"""Where reviews come from: a table of columns from a file, a folder of Parquet, the Hugging Face Hub or the sample.

Every reader either returns all rows or raises; a damaged file never loses rows in silence.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from reviewtune.data.delimited import read_delimited
from reviewtune.data.hub import read_hub
from reviewtune.data.json_lines import read_json_lines
from reviewtune.data.kinds import (
    CSV_DELIMITERS,
    HUB_PREFIX,
    PARQUET_SUFFIX,
    SAMPLE,
    check_source,
    packing,
    parquet_files,
    table_suffix,
)
from reviewtune.data.plain_columns import is_bytes, plain_columns
from reviewtune.data.shown import shown
from reviewtune.data.unpacking import read_bytes
from reviewtune.errors import DataError

_BINARY_BYTES = 1024
"""Where bytes are no text, a NUL among the first so many tells what they are."""

MOST_ROWS = 50_000_000
"""Of a Parquet file, where a few bytes can stand for any number of nulls, more than memory holds."""


@dataclass(frozen=True)
class Source:
    """Rows as they were found.

    Attributes:
        name: What to call them in reports: a file or folder name, a hub id with its commit, or `sample`.
        table: All rows in the source's order. Columns of csv and tsv are strings, blank where a field is.
        replaced: By column, the rows in which halves of surrogate pairs were replaced.
    """

    name: str
    table: pa.Table
    replaced: Mapping[str, int] = field(default_factory=dict)


def read_source(source: str) -> Source:
    r"""All rows of a source, at least one.

    Args:
        source: One of `kinds.KINDS`. A file called `sample` is read as `./sample`.

    Raises:
        DataError: The source is missing, empty, damaged, not UTF-8 or of an unknown kind.

    Examples:
        >>> _ = Path("reviews.jsonl").write_text('{"text": "The zip broke", "fake": false}\n')
        >>> read_source("reviews.jsonl").table.to_pylist()
        [{'text': 'The zip broke', 'fake': False}]
    """
    check_source(source)
    if source == SAMPLE:
        from reviewtune.data.sample import generate

        found = Source(SAMPLE, generate())
    elif source.startswith(HUB_PREFIX):
        name, table = read_hub(source)
        found = Source(name, plain_columns(table, source))
    else:
        path = Path(source)
        with damage_told(source):
            table, replaced = _read_path(path)
        found = Source(path.resolve().name, table, replaced)
    if found.table.num_rows == 0:
        raise DataError(
            f"{shown(source)} has no rows below its columns: give a source with labelled reviews, or `{SAMPLE}`"
        )
    return found


@contextmanager
def damage_told(source: str) -> Iterator[None]:
    """Inside, what is wrong with a source becomes a DataError of one line.

    Raises:
        DataError: the source is damaged, cannot be read, or has a column whose name is not UTF-8.

    Examples:
        >>> with damage_told("reviews.csv"):
        ...     raise OSError(5, "Input/output error")
        Traceback (most recent call last):
            ...
        reviewtune.errors.DataError: reviews.csv cannot be read: Input/output error
    """
    try:
        yield
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(
            f"{shown(source)} is damaged or not what its name says: {_one_line(error)}; export it again"
        ) from None
    except OSError as error:
        raise DataError(f"{shown(source)} cannot be read: {error.strerror or _one_line(error)}") from None
    except UnicodeDecodeError:
        raise _bad_column_name(source) from None


def _bad_column_name(source: str | Path) -> DataError:
    return DataError(f"{shown(source)} has a column whose name is not UTF-8: rename it, or export it again")


def _read_path(path: Path) -> tuple[pa.Table, Mapping[str, int]]:
    if path.is_dir():
        tables = _bytes_alike([_read_parquet(file, file) for file in parquet_files(path)])
        return pa.concat_tables(tables, promote_options="default"), {}
    if packing(path.name) is None and table_suffix(path.name, str(path)) == PARQUET_SUFFIX:
        return _read_parquet(path, path), {}
    name, raw = read_bytes(path)
    suffix = table_suffix(name, str(path))
    if suffix == PARQUET_SUFFIX:
        return _read_parquet(pa.BufferReader(raw), path), {}
    text = _decode(raw, shown(path))
    if suffix in CSV_DELIMITERS:
        return read_delimited(text, CSV_DELIMITERS[suffix], shown(path)), {}
    return read_json_lines(text, shown(path))


def _bytes_alike(tables: list[pa.Table]) -> list[pa.Table]:
    """The tables, where what is no text in one of them is bytes in all: in some it was taken for text."""
    of_bytes = {field.name for table in tables for field in table.schema if is_bytes(field.type)}
    return [
        pa.Table.from_arrays(
            [
                column.cast(pa.binary()) if name in of_bytes and pa.types.is_string(column.type) else column
                for name, column in zip(table.column_names, table.columns, strict=True)
            ],
            names=table.column_names,
        )
        for table in tables
    ]


def _read_parquet(where: Path | pa.NativeFile, source: Path) -> pa.Table:
    from pyarrow import parquet

    # ParquetFile, unlike read_table, takes no columns from the names of the folders above.
    try:
        with parquet.ParquetFile(where) as file:
            told = file.metadata.num_rows
            if told > MOST_ROWS:
                raise DataError(f"{shown(source)} says that it has {told:,} rows: at most {MOST_ROWS:,} are read")
            table = file.read()
            if table.num_rows != told:
                raise DataError(
                    f"{shown(source)} is damaged: it says that it has {told:,} rows, and has {table.num_rows:,}; "
                    "export it again"
                )
            return plain_columns(table, str(source))
    except UnicodeDecodeError:
        raise _bad_column_name(source) from None


def read_lines(raw: bytes, name: str) -> list[str]:
    r"""The lines of a stream, blank ones too, without their ends.

    Args:
        raw: All of it.
        name: What to call it in a message.

    Raises:
        DataError: It is not UTF-8 text.

    Examples:
        >>> read_lines(b"one review\nanother", "standard input")
        ['one review', 'another']
    """
    text = _decode(raw, name).replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def _decode(raw: bytes, name: str) -> str:
    """The text in the bytes of a file, without a byte order mark."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in raw[:_BINARY_BYTES]:
            raise _binary(raw, name) from None
        # The codec counts from behind the byte order mark.
        at = error.start + len(raw) - len(error.object)
        line = raw.count(b"\n", 0, at) + 1
        raise DataError(
            f"{name} is not UTF-8 text: byte 0x{raw[at]:02x} at offset {at} (line {line}); save it as UTF-8"
        ) from None
    if "\0" in text.partition("\n")[0]:
        raise _binary(raw, name)
    return text


def _binary(raw: bytes, name: str) -> DataError:
    at = raw.index(b"\0")
    return DataError(f"{name} is a binary file or UTF-16: there is a NUL byte at offset {at}; save it as UTF-8 text")


def _one_line(error: Exception) -> str:
    return shown(" ".join(str(error).split())).rstrip(".")
