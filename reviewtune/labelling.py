"""What `predict` does: its input's rows as they were, each with a fake probability, a label, how familiar it is.

A chunk of rows at a time, so that an input may be of any length.
"""

import sys
from collections.abc import Iterator

import pyarrow as pa
from rich.console import Console

from reviewtune.applies import say_if_unlike
from reviewtune.data.chunks import Chunks, chunks_of, lines_in_chunks
from reviewtune.data.columns import find_column
from reviewtune.data.reservoir import Reservoir
from reviewtune.data.texts import Prepared, check_holds_text, prepare, text_values
from reviewtune.errors import DataError
from reviewtune.kept_scores import SCHEMA, KeptScores, kept_scores
from reviewtune.labelling_pace import Pace, paced
from reviewtune.outputs import check_output
from reviewtune.predict import Classifier, load
from reviewtune.rows import check_added, ending_of, judged, kept_rows, rows_written, say_what_has_no_text
from reviewtune.schema import TEXT, TEXT_NAMES
from reviewtune.verb_config import PredictConfig

SAMPLED = 20_000
"""Texts of an input by which it is told whether it is like the training reviews."""


def predict_rows(config: PredictConfig) -> int:
    """Write the input's columns, and fake_probability, label and familiar of each review, in the input's order."""
    ending = ending_of(config.output)
    check_output(
        config.output, {"--input": config.input, "--artifact": config.artifact, "--base-model": config.base_model}
    )
    chunks, name = _opened(config)
    added = [config.prefix + column for column in SCHEMA.names]
    check_added(config.input, [] if config.only_scores else chunks.column_names, added)
    # Only then, so that what is wrong with the input is said before a model is loaded.
    kept_rows(_own(next(iter(chunks)), config), ending, chunks.stored)
    classifier = load(config.artifact, config.base_model, max_fpr=config.max_fpr, prevalence=config.prevalence)
    kept = kept_scores(config, chunks)
    if on_cluster := config.address is not None and kept is not None:
        _label_on_cluster(config, chunks, name, kept)
    sample, total, missing, repaired = Reservoir(SAMPLED), 0, 0, 0
    with (
        rows_written(config.output, ending) as write,
        paced(Console(stderr=True), chunks.num_rows, several=chunks.several and not on_cluster) as pace,
    ):
        for table, prepared, scores in _judged_chunks(classifier, chunks, name, kept, pace):
            rows = kept_rows(_own(table, config), ending, chunks.stored)
            for column, values in zip(added, scores.columns, strict=True):
                rows = rows.append_column(column, values)
            write(rows)
            sample.show(prepared.texts)
            total, missing, repaired = total + len(table), missing + prepared.missing, repaired + prepared.repaired
    if kept is not None:
        kept.forget()
    say_what_has_no_text(total, missing, repaired + chunks.replaced.get(name, 0))
    say_if_unlike(classifier, sample.texts, config.artifact)
    return 0


def _label_on_cluster(config: PredictConfig, chunks: Chunks, name: str, kept: KeptScores) -> None:
    """Have a cluster make the scores of all chunks, which are then only written."""
    from reviewtune.labelling_cluster import label_chunks

    with paced(Console(stderr=True), chunks.num_rows, several=True) as pace:
        label_chunks(config, chunks, name, kept, pace)


def _opened(config: PredictConfig) -> tuple[Chunks, str]:
    """The input's rows, and which of its columns holds the texts; `-` is standard input, a review a line.

    Raises:
        DataError: They cannot be read, there are none, or no column holds texts.
    """
    if config.input == "-":
        chunks, name = lines_in_chunks(sys.stdin.buffer, "standard input"), TEXT
        if chunks.num_rows == 0:
            raise DataError("--input - holds no review")
    else:
        chunks = chunks_of(config.input)
        name = find_column(chunks.column_names, config.text_column, TEXT_NAMES, "--text-column")
    check_holds_text(_values(chunks, name), chunks.column_names, name)
    return chunks, name


def _values(chunks: Chunks, name: str) -> Iterator[str | None]:
    """The values of the text's column; of a stream, which is read once, those of its first chunk."""
    for table in chunks:
        yield from text_values(table, name)
        if chunks.num_rows is None:
            return


def _own(table: pa.Table, config: PredictConfig) -> pa.Table:
    """The columns of the input that are written."""
    return table.select([]) if config.only_scores else table


def _judged_chunks(
    classifier: Classifier, chunks: Chunks, name: str, kept: KeptScores | None, pace: Pace
) -> Iterator[tuple[pa.Table, Prepared, pa.Table]]:
    """Each chunk with its texts and its scores, which are those that are kept where they are."""
    for number, table in enumerate(chunks):
        prepared = prepare(text_values(table, name))
        scores = kept.read(number, len(table)) if kept else None
        was_kept = scores is not None
        if scores is None:
            scores = pa.Table.from_arrays(list(judged(classifier, prepared)), schema=SCHEMA)
            if kept:
                kept.write(number, scores)
        pace.add(len(table), kept=was_kept)
        yield table, prepared, scores
