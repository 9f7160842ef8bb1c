"""Labelled reviews, validated: every text once, with one label, in one order whatever the order of the file."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from reviewtune.data.columns import (
    CATEGORY_NAMES,
    LABEL_NAMES,
    RATING_NAMES,
    TEXT_NAMES,
    find_column,
    optional_column,
)
from reviewtune.data.hub import known_fake_label
from reviewtune.data.labels import read_fake
from reviewtune.data.merging import ReviewReport, merge
from reviewtune.data.missing import is_missing
from reviewtune.data.plain_columns import scalars
from reviewtune.data.shown import shown
from reviewtune.data.sources import read_source
from reviewtune.data.store import KEY_LENGTH, Store, read_parquet, report_in, write_parquet
from reviewtune.data.texts import is_number, normalise, read_texts
from reviewtune.errors import DataError
from reviewtune.schema import CATEGORY, FAKE, GROUP, ID, RATING, ROW, TEXT

SCHEMA = pa.schema(
    [
        (ID, pa.string()),
        (TEXT, pa.string()),
        (FAKE, pa.bool_()),
        (GROUP, pa.list_(pa.string())),
        (CATEGORY, pa.string()),
        (RATING, pa.float64()),
        (ROW, pa.int64()),
    ]
)


@dataclass(frozen=True)
class Reviews:
    """The reviews of a study.

    Attributes:
        table: `SCHEMA`, sorted by id, so that equal content means equal row positions. `id` is the first 16 hex digits
            of the SHA-256 of the normalised text; `group` the groups of all rows with that text, sorted, or null; `row`
            the 0-based row in the source.
        report: What became of the source's rows.
        sha256: 64 hex digits over ids, texts, labels and groups; the order of the source's rows takes no part.
        name: The source: a file name, a hub id or `sample`.
    """

    table: pa.Table
    report: ReviewReport
    sha256: str
    name: str


def load_reviews(
    source: str,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    fake_label: str | None = None,
    group_column: str | None = None,
    one_class: bool = False,
) -> Reviews:
    """The labelled reviews of a source.

    Args:
        source: A file, a folder of Parquet, `hub:owner/name[@revision]` or `sample`; see `kinds.KINDS`.
        text_column: A column by name; None looks for the usual names.
        label_column: Likewise.
        fake_label: The label that means fake; None where the labels, or the card of a known data set, say so.
        group_column: Rows that share a value here (an author, a product) stay in one split.
        one_class: Whether reviews of one class are enough, as they are to be scored. `fake_label` may then be a label
            that does not occur.

    Raises:
        DataError: The source cannot be read, a column or the fake label is not clear, or a class is empty.
    """
    found = read_source(source)
    table, names = found.table, found.table.column_names
    text_name = find_column(names, text_column, TEXT_NAMES, "--text-column")
    label_name = find_column(names, label_column, LABEL_NAMES, "--label-column")
    if text_name == label_name:
        raise DataError(f"--text-column and --label-column are both {text_name!r}: they must be two columns")
    group_name = find_column(names, group_column, (), "--group-column") if group_column else None
    labels = scalars(table, label_name, "--label-column")
    columns: dict[str, list[Any]] = {
        FAKE: read_fake(labels, label_name, fake_label or known_fake_label(source), one_class=one_class),
        GROUP: _strings(table, group_name, "--group-column"),
        CATEGORY: _strings(table, optional_column(names, CATEGORY_NAMES)),
        RATING: _numbers(table, optional_column(names, RATING_NAMES)),
    }
    rows, report = merge(_texts(table, text_name), columns, found.replaced.get(text_name, 0))
    if not (report.kept if one_class else report.fake and report.genuine):
        raise DataError(
            f"{shown(source)} leaves {report.fake} fake and {report.genuine} genuine reviews: "
            f"{'; '.join(report.lines())}"
        )
    kept = pa.Table.from_pylist(rows, SCHEMA).sort_by(ID)
    return Reviews(kept, report, _sha256(kept), found.name)


def load_texts(source: str, text_column: str | None = None) -> pa.Table:
    """The texts of a source for prediction, normalised like those of training; no label is needed.

    Returns:
        `row` (int64) and `text` (string, blank where missing): one row for each of the source's, in its order.

    Raises:
        DataError: The source cannot be read, or its text column is not clear or holds no text.
    """
    table = read_source(source).table
    name = find_column(table.column_names, text_column, TEXT_NAMES, "--text-column")
    texts = [normalise(text or "") for text in _texts(table, name)]
    return pa.table({ROW: pa.array(range(len(texts)), pa.int64()), TEXT: pa.array(texts, pa.string())})


def reviews_in_store(reviews: Reviews, store: Store) -> Path:
    """The file of the store that now holds these reviews, for `read_reviews`."""
    path = store.reviews / f"{reviews.sha256[:KEY_LENGTH]}.parquet"
    write_parquet(reviews.table, path, {"report": asdict(reviews.report), "name": reviews.name})
    return path


def read_reviews(path: Path) -> Reviews:
    """The reviews in a file of the store.

    Raises:
        DataError: The file is missing or damaged.
    """
    table, note = read_parquet(path, SCHEMA)
    return Reviews(table, report_in(note, ReviewReport, path), _sha256(table), note.get("name", path.name))


def _texts(table: pa.Table, name: str) -> list[str | None]:
    """A column of texts, None where one is missing; blank ones as they are."""
    return [None if text and is_missing(text) and text.strip() else text for text in read_texts(table, name)]


def _strings(table: pa.Table, name: str | None, flag: str = "") -> list[str | None]:
    """A column as text, None where a value is missing.

    Raises:
        DataError: The column was asked for by a flag and holds no single values. (One that was not is left out.)
    """
    try:
        values = scalars(table, name, flag) if name else [None] * table.num_rows
    except DataError:
        if flag:
            raise
        values = [None] * table.num_rows
    return [None if is_missing(value) else str(value).strip() for value in values]


def _numbers(table: pa.Table, name: str | None) -> list[float | None]:
    """A column as numbers; None for what is none."""
    return [float(value) if value and is_number(value) else None for value in _strings(table, name)]


def _sha256(table: pa.Table) -> str:
    digest = hashlib.sha256()
    for row in table.select([ID, TEXT, FAKE, GROUP]).to_pylist():
        digest.update(json.dumps(list(row.values())).encode() + b"\n")
    return digest.hexdigest()
