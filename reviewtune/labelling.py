"""What `predict` does: the rows of its input as they were, each with a fake probability, a label, how familiar it is.

Shape letter: `N` rows.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from reviewtune.applies import say_if_unlike
from reviewtune.data.columns import TEXT_NAMES, find_column
from reviewtune.data.sources import Source, read_lines, read_source
from reviewtune.data.texts import Prepared, prepare, read_texts
from reviewtune.errors import DataError, UsageError
from reviewtune.outputs import check_output, written
from reviewtune.predict import Classifier, load
from reviewtune.schema import FAKE_PROBABILITY, FAMILIAR, LABEL, TEXT
from reviewtune.tables import ENDINGS, as_stored, as_written, write_table
from reviewtune.verb_config import PredictConfig


def predict_rows(config: PredictConfig) -> int:
    """Write the input's columns, and fake_probability, label and familiar of each review, in the input's order."""
    ending = _ending(config.output)
    check_output(
        config.output, {"--input": config.input, "--artifact": config.artifact, "--base-model": config.base_model}
    )
    found, name = _read(config)
    added = [config.prefix + column for column in (FAKE_PROBABILITY, LABEL, FAMILIAR)]
    kept = as_written(_kept(found.table, added, config), ending)
    if ending == ".parquet":
        kept = as_stored(kept, Path(config.input))
    prepared = prepare(read_texts(found.table, name))
    # Only now, so that what is wrong with the input is said before a model is loaded.
    classifier = load(config.artifact, config.base_model, max_fpr=config.max_fpr, prevalence=config.prevalence)
    judged = _judged(classifier, prepared)
    _say_what_has_no_text(prepared, found.replaced.get(name, 0))
    say_if_unlike(classifier, prepared, config.artifact)
    for column, values in zip(added, judged, strict=True):
        kept = kept.append_column(column, values)
    if config.output == "-":
        write_table(kept, None, ending)
        return 0
    with written(Path(config.output)) as place:
        write_table(kept, place, ending)
    return 0


def _ending(output: str) -> str:
    """The kind of file, from its name."""
    ending = ".csv" if output == "-" else Path(output).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"--output {output}: the file's ending must be one of {', '.join(ENDINGS)}, or give -")
    return ending


def _read(config: PredictConfig) -> tuple[Source, str]:
    """The input's rows, and which of its columns holds the texts."""
    if config.input != "-":
        found = read_source(config.input)
        return found, find_column(found.table.column_names, config.text_column, TEXT_NAMES, "--text-column")
    lines = read_lines(sys.stdin.buffer.read(), "standard input")
    if not lines:
        raise DataError("--input - holds no review")
    return Source("standard input", pa.table({TEXT: pa.array(lines, pa.string())})), TEXT


def _kept(table: pa.Table, added: list[str], config: PredictConfig) -> pa.Table:
    """The columns of the input that are written.

    Raises:
        UsageError: One of them has the name of one that is added: whoever reads that name later would get either.
    """
    if config.only_scores:
        return table.select([])
    if taken := [name for name in added if name in table.column_names]:
        raise UsageError(
            f"--input {config.input} has a column {taken[0]!r} already: give the new ones other names, such as "
            "--prefix predicted_, or leave the old ones out by --only-scores"
        )
    return table


def _judged(classifier: Classifier, prepared: Prepared) -> tuple[pa.Array, pa.Array, pa.Array]:
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


def _say_what_has_no_text(prepared: Prepared, repaired: int) -> None:
    """Count what has no label, and what is not as it was.

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
