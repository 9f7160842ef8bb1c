"""Reviews to look at, row by row: the worst errors and the labels that may be wrong.

Their ids and whatever columns the user's own file had are always shown; their texts, and words of them, where asked.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from reviewtune.markup import visible
from reviewtune.schema import OWN, TEXT_NAMES, WORD_LETTERS

MOST_ROWS = 20
LONGEST_CELL = 300
LONGEST_VALUE = 64
"""Letters of an id or a name; a column with longer values holds texts."""
LETTERS_OF_A_WORD = 5
"""That a Chinese character or a kana counts for: a review of such is short."""
OF_TEXTS = frozenset({*TEXT_NAMES, "why", "words", "weights"})
"""Columns that hold a review's words."""

_SHORT = re.compile(f"[{WORD_LETTERS}]")


@dataclass(frozen=True)
class Marked:
    """A piece of a text, with how much it speaks for fake: above 0, or below it for genuine."""

    text: str
    level: int

    def __str__(self) -> str:
        return self.text


Cell = str | tuple[Marked, ...]


@dataclass(frozen=True)
class Listed:
    """A table of reviews.

    Attributes:
        head: Names of its columns.
        rows: As many cells each.
        more: Rows that the file has beyond them.
        hidden: Columns that are not shown, since texts were not asked for.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int
    hidden: tuple[str, ...]


def read_listed(path: Path, *, with_texts: bool, most: int = MOST_ROWS) -> Listed | None:
    """The rows in a csv file beside an entry; None where there is none that can be read, or no row in it."""
    try:
        names = csv.open_csv(path).schema.names
        as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        parsing = csv.ParseOptions(newlines_in_values=True)
        table = csv.read_csv(path, parse_options=parsing, convert_options=as_text)
    except (pa.ArrowException, OSError, ValueError):
        return None
    if not table.num_rows or len(set(names)) < len(names):
        return None
    hidden = tuple(name for name in names if not with_texts and (_is_of_texts(name) or _is_prose(table[name])))
    head = [name for name in names if name not in hidden and any(table[name].to_pylist())]
    rows = zip(
        *([harmless(str(value or "")) for value in table[name].to_pylist()[:most]] for name in head), strict=True
    )
    return Listed(tuple(map(harmless, head)), tuple(rows), max(table.num_rows - most, 0), hidden)


def _is_of_texts(name: str) -> bool:
    """Whether a column is called as those that hold texts are; `OWN` tells it from one of reviewtune's."""
    return name.casefold().replace(OWN, "").strip() in OF_TEXTS


def _is_prose(column: pa.ChunkedArray) -> bool:
    """Whether an own column of the user's holds texts too, such as titles of reviews."""
    return any(_length(value or "") > LONGEST_VALUE for value in column.to_pylist())


def _length(value: str) -> int:
    return len(value) + (LETTERS_OF_A_WORD - 1) * len(_SHORT.findall(value))


def harmless(text: str) -> str:
    """The text on one line, cut, and without what steers or hides; HTML's own characters the template escapes."""
    line = " ".join(visible(text).split())
    return line if len(line) <= LONGEST_CELL else f"{line[: LONGEST_CELL - 1]}\N{HORIZONTAL ELLIPSIS}"
