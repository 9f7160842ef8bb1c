"""Where Parquet files lie: a file or a folder of this machine, or of a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from reviewtune.data.kinds import PARQUET_SUFFIX, PLACE, parquet_files
from reviewtune.data.plain_columns import plain_schema
from reviewtune.data.shown import shown
from reviewtune.errors import DataError

_BUFFER_BYTES = 2**20
"""Read at a time of each column."""


@dataclass(frozen=True)
class ParquetPlace:
    """Parquet files that make one table, in the order of their names.

    Attributes:
        system: Where they lie, a `pyarrow.fs.FileSystem`.
        files: Their paths there, each with its size in bytes and the time of its last change in nanoseconds.
    """

    system: Any
    files: list[tuple[str, int, int]]

    @property
    def identity(self) -> list[tuple[str, int, int]]:
        """What tells these files from others, and from themselves before they were changed."""
        return self.files

    @property
    def num_bytes(self) -> int:
        """Of all files."""
        return sum(size for _, size, _ in self.files)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of all files; each has those of the others, too, as nulls.

        Raises:
            pa.ArrowException: A column is of one type here and of another there.
        """
        return pa.unify_schemas([plain_schema(schema) for schema, _ in self._told])

    @property
    def stored(self) -> pa.Schema | None:
        """The columns of a single file as it holds them; None of several."""
        return self._told[0][0] if len(self.files) == 1 else None

    @property
    def num_rows(self) -> int:
        """Of all files, as they say."""
        return sum(rows for _, rows in self._told)

    def tables(self, most_rows: int) -> Iterator[pa.Table]:
        """All rows in their order, in tables of at most so many.

        Raises:
            DataError: A file holds other than the number of rows that it says.
        """
        from pyarrow import parquet

        for (name, _, _), (_, told) in zip(self.files, self._told, strict=True):
            rows = 0
            # ParquetFile, unlike a data set, takes no columns from the names of the folders above.
            with parquet.ParquetFile(name, filesystem=self.system, buffer_size=_BUFFER_BYTES) as file:
                for batch in file.iter_batches(most_rows):
                    rows += len(batch)
                    yield self._with_all_columns(pa.Table.from_batches([batch]))
            if rows != told:
                raise DataError(
                    f"{shown(name)} is damaged: it says that it has {told:,} rows, and has {rows:,}; export it again"
                )

    def _with_all_columns(self, table: pa.Table) -> pa.Table:
        """The table with the columns of all files; one that has no value here is of the type that it has elsewhere."""
        if table.column_names == self.schema.names and pa.null() not in table.schema.types:
            return table
        places = {name: place for place, name in enumerate(table.column_names)}
        whole = table.column_names == self.schema.names
        columns = []
        for place, field in enumerate(self.schema):
            own = place if whole else places.get(field.name)
            known = own is not None and not pa.types.is_null(table.column(own).type)
            columns.append(table.column(own) if known else pa.nulls(len(table), field.type))
        return pa.Table.from_arrays(columns, names=self.schema.names)

    @cached_property
    def _told(self) -> list[tuple[pa.Schema, int]]:
        """What each file says of its columns, and of the number of its rows."""
        from pyarrow import parquet

        found = []
        for name, _, _ in self.files:
            with parquet.ParquetFile(name, filesystem=self.system) as file:
                found.append((file.schema_arrow.remove_metadata(), file.metadata.num_rows))
        return found


def parquet_place(source: str) -> ParquetPlace:
    """The Parquet files of a source.

    Args:
        source: A file, a folder, or either in a bucket, such as `s3://bucket/reviews`.

    Raises:
        DataError: There is none, or the bucket cannot be asked.
    """
    from pyarrow import fs

    if not PLACE.match(source):
        path = Path(source)
        files = parquet_files(path) if path.is_dir() else [path]
        stats = [(file.resolve(), file.stat()) for file in files]
        return ParquetPlace(fs.LocalFileSystem(), [(str(file), own.st_size, own.st_mtime_ns) for file, own in stats])
    try:
        system, name = fs.FileSystem.from_uri(source)
        info = system.get_file_info(name)
        inside = fs.FileSelector(name, recursive=True)
        found = [info] if info.is_file else system.get_file_info(inside)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{shown(source)} cannot be read ({shown(' '.join(str(error).split()))}): check the name, and this "
            "machine's credentials"
        ) from None
    chosen = sorted((file for file in found if file.is_file and file.path.endswith(PARQUET_SUFFIX)), key=_path)
    if not chosen:
        raise DataError(f"{shown(source)} holds no {PARQUET_SUFFIX} file: give a file or folder of Parquet")
    return ParquetPlace(system, [(file.path, file.size, file.mtime_ns or 0) for file in chosen])


def _path(file: Any) -> str:
    return str(file.path)
