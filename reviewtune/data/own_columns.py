"""The user's own columns of some reviews, read from their files again: ids and whatever else lies beside a text."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from reviewtune.data.kinds import HUB_PREFIX, SAMPLE
from reviewtune.data.missing import is_missing
from reviewtune.data.named_source import named_sources
from reviewtune.data.plain_columns import scalars
from reviewtune.data.sources import read_source
from reviewtune.data.texts import normalise, text_id
from reviewtune.errors import DataError, UsageError

MOST_BYTES = 64_000_000
"""Of a file that is read again: a second or two."""
MOST_COLUMNS = 12
LONGEST = 100
"""Letters of a value."""


class OwnColumns:
    """The user's own columns of a study's reviews. A source is read once, when reviews of it are first asked for.

    Args:
        asked: Sources, as `--data` was given them.

    Examples:
        >>> own = OwnColumns(["sample"])
        >>> own.of(["sample"], [0], ["the id of another text"])
        {}
    """

    def __init__(self, asked: Sequence[str]) -> None:
        self._asked = asked
        self._tables: dict[str, pa.Table | None] = {}

    def of(self, sources: Sequence[str], rows: Sequence[int], ids: Sequence[str]) -> dict[str, list[str]]:
        """Values by the name of their column, one for each of N reviews, blank where there is none.

        Empty where the files are gone, large or on the hub, or hold other texts than the reviews.

        Args:
            sources: N names of the sources that the reviews are from.
            rows: N numbers of their rows in these, from 0.
            ids: N ids of the reviews.
        """
        found: dict[str, list[str]] = {}
        try:
            named = named_sources(self._asked, "--data")
        except UsageError:  # A file is gone by whose name two were told apart.
            return {}
        for one in named:
            mine = [place for place, source in enumerate(sources) if len(named) == 1 or source == one.name]
            table = self._rows(one.source, [rows[place] for place in mine]) if mine else None
            if table is None or not _is_of(table, [ids[place] for place in mine]):
                continue
            for name in _told(table, [ids[place] for place in mine]):
                column = found.setdefault(name, [""] * len(ids))
                for place, value in zip(mine, scalars(table, name, ""), strict=True):
                    column[place] = "" if is_missing(value) else " ".join(str(value).split())[:LONGEST]
        some = {name: values for name, values in found.items() if any(values)}
        return dict(list(some.items())[:MOST_COLUMNS])

    def _rows(self, source: str, rows: list[int]) -> pa.Table | None:
        """Those of a source; None where it is not read again or has fewer."""
        if source not in self._tables:
            self._tables[source] = _read(source)
        table = self._tables[source]
        return table.take(rows) if table is not None and max(rows) < table.num_rows else None


def _read(source: str) -> pa.Table | None:
    """A source, less what no list shows; None where it is gone, large or on the hub."""
    if source.startswith(HUB_PREFIX):
        return None
    if source != SAMPLE and not (Path(source).is_file() and Path(source).stat().st_size <= MOST_BYTES):
        return None
    try:
        table = read_source(source).table
    except DataError:
        return None
    shown = [field.name for field in table.schema if not (pa.types.is_nested(field.type) or _is_bytes(field.type))]
    return table.select(shown)


def _is_of(table: pa.Table, ids: list[str]) -> bool:
    """Whether the rows still hold the texts that the reviews were made from."""
    return any(_is_text(table, name, ids) for name in table.column_names)


def _told(table: pa.Table, ids: list[str]) -> list[str]:
    """Its columns but for the text."""
    return [name for name in table.column_names if not _is_text(table, name, ids)]


def _is_text(table: pa.Table, name: str, ids: list[str]) -> bool:
    if not pa.types.is_string(table[name].type) and not pa.types.is_large_string(table[name].type):
        return False
    return [text_id(normalise(text or "")) for text in table[name].to_pylist()] == ids


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
