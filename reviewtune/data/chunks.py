"""A source's rows, some thousand at a time: what is longer than memory is never in it whole.

What is short is read whole by `sources.read_source`. A long text file is read through once before, so that what is
wrong with it is said before any work is done, and its columns are known; of Parquet the files themselves tell these.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyarrow as pa

from reviewtune.data.delimited import delimited_layout, delimited_rows, table_of_rows
from reviewtune.data.json_lines import column_of, json_rows
from reviewtune.data.kinds import (
    CSV_DELIMITERS,
    HUB_PREFIX,
    PARQUET_SUFFIX,
    PLACE,
    SAMPLE,
    check_source,
    packing,
    table_suffix,
)
from reviewtune.data.parquet_places import ParquetPlace, parquet_place
from reviewtune.data.plain_columns import plain_columns
from reviewtune.data.shown import shown
from reviewtune.data.sources import damage_told, read_source
from reviewtune.data.unpacking import LARGEST_BYTES, opened
from reviewtune.data.utf8 import text_of
from reviewtune.errors import DataError
from reviewtune.schema import TEXT

CHUNK_ROWS = 4096
"""A TF-IDF model holds 100 MB of features of so many reviews."""
WHOLE_BYTES = 2**23
"""Of a file that is read whole."""


T = TypeVar("T")


@dataclass(frozen=True)
class Chunks:
    """The rows of a source, in its order.

    Attributes:
        column_names: Of every chunk.
        num_rows: Of all; None of a stream.
        stored: The columns as a single Parquet file has them, which the chunks hold as plain columns; None of others.
        replaced: By column, the rows read so far in which halves of surrogate pairs were replaced.
        identity: What tells this input from others, and from itself before it was changed; None of what cannot be
            read again.
    """

    column_names: list[str]
    num_rows: int | None
    read: Callable[[], Iterator[pa.Table]]
    stored: pa.Schema | None = None
    replaced: Mapping[str, int] = field(default_factory=dict)
    identity: list[tuple[str, int, int]] | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        """Tables of `CHUNK_ROWS` rows, the last one of what is left.

        Raises:
            DataError: The source is damaged or not what its name says.
        """
        return self.read()

    @property
    def several(self) -> bool:
        """Whether there are more rows than one chunk has, as far as that is known."""
        return self.num_rows is None or self.num_rows > CHUNK_ROWS


def chunks_of(source: str) -> Chunks:
    """The rows of a source, at least one.

    Args:
        source: One of `kinds.KINDS`, or a folder or file of Parquet in a bucket (`s3://`, `gs://`, `abfs://`).

    Raises:
        DataError: The source is missing, empty, damaged, not UTF-8 or of an unknown kind.
    """
    if PLACE.match(source):
        return _parquet_chunks(parquet_place(source), source)
    check_source(source)
    path = Path(source)
    if source == SAMPLE or source.startswith(HUB_PREFIX):
        return _whole(source, None)
    if path.is_dir() or (packing(source) is None and table_suffix(source, source) == PARQUET_SUFFIX):
        place = parquet_place(source)
        return _parquet_chunks(place, source) if place.num_bytes > WHOLE_BYTES else _whole(source, place)
    if path.stat().st_size <= WHOLE_BYTES:
        return _whole(source, None)
    with damage_told(source), opened(path) as (name, _):
        suffix = table_suffix(name, source)
    if suffix == PARQUET_SUFFIX:
        return _whole(source, None)
    return (_delimited_chunks if suffix in CSV_DELIMITERS else _json_chunks)(path, suffix)


def lines_in_chunks(stream: BinaryIO, name: str) -> Chunks:
    """The lines of a stream as reviews, blank ones too, without their ends; its first chunk can be read twice.

    Args:
        stream: Read from where it stands.
        name: What to call it in messages.

    Raises:
        DataError: Its beginning is not UTF-8 text.
    """
    lines = (line.removesuffix("\n") for line in text_of(stream, name, None))
    tables = (pa.table({TEXT: pa.array(part, pa.string())}) for part in _batched(lines, CHUNK_ROWS))
    first = next(tables, None)

    def read() -> Iterator[pa.Table]:
        if first is not None:
            yield first
            yield from tables

    short = first is None or len(first) < CHUNK_ROWS
    return Chunks([TEXT], (len(first) if first is not None else 0) if short else None, read)


def _whole(source: str, place: ParquetPlace | None) -> Chunks:
    """A source that is read at once."""
    found = read_source(source)
    table = found.table

    def read() -> Iterator[pa.Table]:
        yield from (table.slice(start, CHUNK_ROWS) for start in range(0, len(table), CHUNK_ROWS))

    path = Path(source)
    identity = _identity(path) if path.is_file() else place.identity if place else None
    stored = place.stored if place else None
    return Chunks(table.column_names, len(table), read, stored, found.replaced, identity)


def _parquet_chunks(place: ParquetPlace, source: str) -> Chunks:
    def read() -> Iterator[pa.Table]:
        with damage_told(source):
            yield from _rechunked(plain_columns(table, source, whole=False) for table in place.tables(CHUNK_ROWS))

    with damage_told(source):
        names, num_rows = place.schema.names, place.num_rows
    if not num_rows:
        raise DataError(f"{shown(source)} has no rows: give a source with reviews")
    return Chunks(names, num_rows, read, place.stored, identity=place.identity)


def _delimited_chunks(path: Path, suffix: str) -> Chunks:
    name = shown(path)
    lines = partial(_lines, path, "")
    with damage_told(str(path)):
        layout = delimited_layout(lines, CSV_DELIMITERS[suffix], name)

    def read() -> Iterator[pa.Table]:
        with damage_told(str(path)):
            for rows in _batched(delimited_rows(lines, layout, name), CHUNK_ROWS):
                yield table_of_rows(layout.header, rows)

    return Chunks(layout.header, layout.num_rows, read, identity=_identity(path))


def _json_chunks(path: Path, _: str) -> Chunks:
    name, num_rows, schema = shown(path), 0, pa.schema([])
    large = set[str]()
    with damage_told(str(path)), _lines(path, None) as lines:
        for rows in _batched(json_rows(lines, name, Counter()), CHUNK_ROWS):
            # Columns in the order in which their names first occur.
            keys = dict.fromkeys(key for row in rows for key in row)
            columns = {key: column_of([row.get(key) for row in rows], key, name).type for key in keys}
            large |= {key for key, kind in columns.items() if pa.types.is_uint64(kind)}
            schema = pa.unify_schemas([schema, pa.schema(columns)], promote_options="permissive")
            num_rows += len(rows)
    kinds = [pa.uint64() if key in large else schema.field(key).type for key in schema.names]
    schema = pa.schema(list(zip(schema.names, kinds, strict=True)))
    replaced: Counter[str] = Counter()

    def read() -> Iterator[pa.Table]:
        replaced.clear()
        with damage_told(str(path)), _lines(path, None) as lines:
            for rows in _batched(json_rows(lines, name, replaced), CHUNK_ROWS):
                yield pa.Table.from_pylist(rows, schema=schema)

    return Chunks(schema.names, num_rows, read, replaced=replaced, identity=_identity(path))


@contextmanager
def _lines(path: Path, newline: str | None) -> Iterator[Iterable[str]]:
    with opened(path) as (_, stream):
        most = LARGEST_BYTES if packing(path.name) else None
        yield text_of(stream, shown(path), newline, most)


def _batched(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of so many rows, the last one of what is left."""
    left = iter(rows)
    return iter(lambda: list(islice(left, size)), [])


def _rechunked(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in chunks of `CHUNK_ROWS`."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += len(table)
        while count >= CHUNK_ROWS:
            joined = pa.concat_tables(waiting, promote_options="default")
            yield joined.slice(0, CHUNK_ROWS)
            waiting, count = [joined.slice(CHUNK_ROWS)], count - CHUNK_ROWS
    if count:
        yield pa.concat_tables(waiting, promote_options="default")


def _identity(path: Path) -> list[tuple[str, int, int]]:
    found = path.stat()
    return [(str(path.resolve()), found.st_size, found.st_mtime_ns)]
