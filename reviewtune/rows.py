"""The rows of a table of reviews as `predict` and `explain` read them, keep them and add to them.

Shape letter: `N` rows.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from reviewtune.data.columns import find_column
from reviewtune.data.sources import Source, read_lines, read_source
from reviewtune.data.texts import Prepared
from reviewtune.errors import DataError, UsageError
from reviewtune.outputs import written
from reviewtune.predict import Classifier
from reviewtune.schema import TEXT, TEXT_NAMES
from reviewtune.tables import ENDINGS, as_stored, as_written, table_writer
from reviewtune.verb_config import ColumnsConfig


def ending_of(output: str) -> str:
    """The kind of file, from its name.

    Raises:
        UsageError: There is no such kind.
    """
    ending = ".csv" if output == "-" else Path(output).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"--output {output}: the file's ending must be one of {', '.join(ENDINGS)}, or give -")
    return ending


def read_rows(source: str, columns: ColumnsConfig) -> tuple[Source, str]:
    """The input's N rows, and which of its columns holds the texts; `-` is standard input, a review a line.

    Raises:
        DataError: They cannot be read, there are none, or no column holds texts.
    """
    if source != "-":
        found = read_source(source)
        return found, find_column(found.table.column_names, columns.text_column, TEXT_NAMES, "--text-column")
    lines = read_lines(sys.stdin.buffer.read(), "standard input")
    if not lines:
        raise DataError("--input - holds no review")
    return Source("standard input", pa.table({TEXT: pa.array(lines, pa.string())})), TEXT


def check_added(source: str, names: Sequence[str], added: Sequence[str]) -> None:
    """Refuse to add columns whose names the input has.

    Args:
        source: The input, by name.
        names: Of its columns that are kept.
        added: Of the columns to come.

    Raises:
        UsageError: One of them is among both: whoever reads that name later would get either.
    """
    if taken := [name for name in added if name in names]:
        raise UsageError(
            f"--input {source} has a column {taken[0]!r} already: give the new ones other names, such as "
            "--prefix predicted_, or leave the old ones out by --only-scores"
        )


def kept_rows(table: pa.Table, ending: str, stored: pa.Schema | None) -> pa.Table:
    """Columns of the input as a file of that kind holds them.

    Args:
        table: N rows.
        ending: One of `ENDINGS`.
        stored: The columns as the Parquet file has them that they were read from, if they were.

    Raises:
        UsageError: Such a file cannot hold a column.
    """
    kept = as_written(table, ending)
    return as_stored(kept, stored) if ending == ".parquet" else kept


def judged(classifier: Classifier, prepared: Prepared) -> tuple[pa.Array, pa.Array, pa.Array]:
    """(N,) fake probabilities, labels and how familiar; null without a text, the last without a profile too."""
    probability = classifier.fake_probability(prepared)
    missing = np.isnan(probability)
    labels = classifier.labels(probability)
    familiar = classifier.familiar(prepared)
    return (
        pa.array(probability, mask=missing),
        pa.array(labels, pa.string(), mask=missing),
        pa.array(familiar, mask=np.isnan(familiar)),
    )


def write_rows(table: pa.Table, output: str, ending: str) -> None:
    """Write the rows to a file, in one step, or to standard output.

    Raises:
        UsageError: The file cannot be written.
    """
    with rows_written(output, ending) as write:
        write(table)


@contextmanager
def rows_written(output: str, ending: str) -> Iterator[Callable[[pa.Table], None]]:
    """What writes rows, part by part, to a file that appears in one step, or to standard output.

    Raises:
        UsageError: The file cannot be written.
    """
    if output == "-":
        with table_writer(None, ending) as write:
            yield write
        return
    with written(Path(output)) as place, table_writer(place, ending) as write:
        yield write


def say_what_has_no_text(total: int, missing: int, repaired: int) -> None:
    """Count on standard error what has no label, and what is not as it was.

    Args:
        total: Rows.
        missing: Of them, those without a text.
        repaired: Those in which half a character was replaced.
    """
    of = f"of {total:,} review{'s' * (total > 1)}"
    if missing:
        has = "has" if missing == 1 else "have"
        print(f"{missing:,} {of} {has} no text: no probability, no label", file=sys.stderr)
    if repaired:
        print(f"{repaired:,} {of} held half a character (a lone surrogate): read as U+FFFD", file=sys.stderr)
