"""The store: what each station of the data's way leaves for the next, under a key of its content."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import parquet

from reviewtune.errors import DataError, UsageError
from reviewtune.files import in_one_step
from reviewtune.storage.place import shown
from reviewtune.tracebacks import reason_of

KEY_LENGTH = 16
Report = TypeVar("Report")
_NOTE = b"reviewtune"


@dataclass(frozen=True)
class Store:
    """The folders under `<results_dir>/store`; each is made when something is first written to it."""

    results_dir: Path

    def prepare(self) -> None:
        """Make the results directory.

        Raises:
            UsageError: It cannot be made, or nothing can be written to it.
        """
        try:
            self.results_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = "it is no folder" if self.results_dir.exists() else str(error.strerror)
            raise UsageError(
                f"--results-dir {shown(self.results_dir)} cannot be made ({reason}): give another folder"
            ) from None
        if not os.access(self.results_dir, os.W_OK | os.X_OK):
            raise UsageError(f"--results-dir {self.results_dir} is not writable: give another folder")

    @property
    def reviews(self) -> Path:
        """Validated reviews, one Parquet file a content."""
        return self.results_dir / "store" / "reviews"

    @property
    def splits(self) -> Path:
        """Splits, one Parquet file for each reviews and setting."""
        return self.results_dir / "store" / "splits"

    @property
    def tokens(self) -> Path:
        """Tokenised reviews, one folder for each reviews and encoder."""
        return self.results_dir / "store" / "tokens"

    @property
    def embeddings(self) -> Path:
        """Encoded reviews, one folder for each reviews and encoder."""
        return self.results_dir / "store" / "embeddings"


def content_key(*parts: Any) -> str:
    """16 hex digits of the SHA-256 of the parts' JSON: equal for equal parts, in any process on any machine.

    Args:
        parts: Values that JSON knows; the order of the parts counts, that of a mapping's keys does not.

    Examples:
        >>> content_key("reviews", 42)
        '9f08d3ad74e644a3'
    """
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]


def write_parquet(table: pa.Table, path: Path, note: Mapping[str, Any] | None = None) -> None:
    """Write a table in one step, so that a reader sees the old file or the whole new one.

    Args:
        table: With its metadata, which is kept.
        path: The file; its folder is made.
        note: Kept beside the table as JSON, for `read_parquet`.
    """
    if note is not None:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _NOTE: json.dumps(note).encode()})
    with in_one_step(path) as partial:
        parquet.write_table(table, partial)


def report_in(note: Mapping[str, Any], kind: type[Report], path: Path) -> Report:
    """The report that a station keeps as `report` in the note of its file.

    Raises:
        DataError: There is none, or it has other fields.
    """
    try:
        return kind(**note["report"])
    except (KeyError, TypeError):
        raise DataError(f"{path} has a report of another version: delete it, it is made again") from None


def read_parquet(path: Path, schema: pa.Schema) -> tuple[pa.Table, dict[str, Any]]:
    """A table of the store and the note that was written with it ({} where there was none).

    Raises:
        DataError: The file is missing, damaged or has other columns than `schema`.
    """
    try:
        with parquet.ParquetFile(path) as file:
            table = file.read()
        table.validate(full=True)
        note = note_of(table)
    except (
        pa.ArrowException,
        OSError,
        ValueError,
    ) as error:  # Of bytes that are no UTF-8, and of a note that is no JSON.
        reason = reason_of(error)
        raise DataError(
            f"{path} is missing or damaged ({reason}): delete it, it is made again from the reviews"
        ) from None
    if not table.schema.equals(schema):
        raise DataError(
            f"{path} has the columns {', '.join(table.column_names)} of another version: delete it, it is made again"
        )
    return table, note


def note_of(table: pa.Table) -> dict[str, Any]:
    """The note that a table was written with; {} where there was none."""
    note: dict[str, Any] = json.loads((table.schema.metadata or {}).get(_NOTE, b"{}"))
    return note
