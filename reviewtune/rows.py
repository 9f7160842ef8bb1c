"""The rows of a table of reviews as `predict` and `explain` read them, keep them and add to them.

Shape letter: `N` rows.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from reviewtune.data.columns import TEXT_NAMES, find_column
from reviewtune.data.sources import Source, read_lines, read_source
from reviewtune.data.texts import Prepared
from reviewtune.errors import DataError, UsageError
from reviewtune.outputs import written
from reviewtune.predict import Classifier
from reviewtune.schema import TEXT
from reviewtune.tables import ENDINGS, as_stored, as_written, write_table
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


def kept_rows(source: str, table: pa.Table, added: Sequence[str], columns: ColumnsConfig, ending: str) -> pa.Table:
    """The columns of the input that are written, as a file of that kind holds them.

    Args:
        source: The input, by name.
        table: Its N rows.
        added: Names of the columns to come.
        columns: What is asked of them.
        ending: One of `ENDINGS`.

    Raises:
        UsageError: One of them has the name of one that is added, since whoever reads that name later would get either,
            or such a file cannot hold it.
    """
    if columns.only_scores:
        return as_written(table.select([]), ending)
    if taken := [name for name in added if name in table.column_names]:
        raise UsageError(
            f"--input {source} has a column {taken[0]!r} already: give the new ones other names, such as "
            "--prefix predicted_, or leave the old ones out by --only-scores"
        )
    kept = as_written(table, ending)
    return as_stored(kept, Path(source)) if ending == ".parquet" else kept


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
    if output == "-":
        write_table(table, None, ending)
        return
    with written(Path(output)) as place:
        write_table(table, place, ending)


def say_what_has_no_text(prepared: Prepared, repaired: int) -> None:
    """Count on standard error what has no label, and what is not as it was.

    Args:
        prepared: N rows.
        repaired: Of them, those that were repaired as they were read.
    """
    of = f"of {prepared.total:,} review{'s' * (prepared.total > 1)}"
    if count := prepared.missing:
        has = "has" if count == 1 else "have"
        print(f"{count:,} {of} {has} no text: no probability, no label", file=sys.stderr)
    if count := prepared.repaired + repaired:
        print(f"{count:,} {of} held half a character (a lone surrogate): read as U+FFFD", file=sys.stderr)
