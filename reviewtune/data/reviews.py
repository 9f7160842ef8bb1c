"""Labelled reviews, validated: every text once, with one label, in one order whatever the order of the file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reviewtune.data.columns import find_column
from reviewtune.data.labelled_rows import LabelledRows, Wanted, labelled_rows, texts_of
from reviewtune.data.merging import ReviewReport, merge
from reviewtune.data.named_source import NamedSource, named_sources
from reviewtune.data.plain_columns import values_of
from reviewtune.data.shown import shown
from reviewtune.data.sources import read_source
from reviewtune.data.store import KEY_LENGTH, Store, read_parquet, report_in, write_parquet
from reviewtune.data.texts import normalise
from reviewtune.errors import DataError
from reviewtune.schema import CATEGORY, FAKE, GROUP, ID, LANGUAGE, RATING, ROW, SOURCE, TEXT, TEXT_NAMES
from reviewtune.storage.mirror import is_there
from reviewtune.storage.place import bucket_of

SCHEMA = pa.schema(
    [
        (ID, pa.string()),
        (TEXT, pa.string()),
        (FAKE, pa.bool_()),
        (GROUP, pa.list_(pa.string())),
        (CATEGORY, pa.string()),
        (RATING, pa.float64()),
        (LANGUAGE, pa.string()),
        (ROW, pa.int64()),
        (SOURCE, pa.string()),
    ]
)


@dataclass(frozen=True)
class Reviews:
    """The reviews of a study.

    Attributes:
        table: `SCHEMA`, sorted by id, so that equal content means equal row positions. `id` is the first 16 hex digits
            of the SHA-256 of the normalised text; `group` the groups of all rows with that text, sorted, or null; `row`
            the 0-based row in the source, `source` its name.
        report: What became of the source's rows.
        sha256: 64 hex digits over ids, texts, labels, groups and, where there are several, sources; the order of the
            rows takes no part.
        name: The source: a file name, a hub id or `sample`; the names of several with a plus between them.
    """

    table: pa.Table
    report: ReviewReport
    sha256: str
    name: str

    def only(self, kept: NDArray[np.bool_]) -> "Reviews":
        r"""Those where (N,) `kept` is true, in their order; the report and the name stay those of the source.

        Examples:
            >>> _ = Path("reviews.csv").write_text("text,label\nGreat product,CG\nThe zip broke,OR\n")
            >>> reviews = load_reviews("reviews.csv")
            >>> genuine = reviews.only(~reviews.table["fake"].to_numpy(zero_copy_only=False))
            >>> genuine.table["text"].to_pylist(), genuine.report.fake
            (['The zip broke'], 1)
        """
        table = self.table.filter(pa.array(kept))
        return replace(self, table=table, sha256=_sha256(table))


def load_reviews(
    sources: str | Sequence[str],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    fake_label: str | None = None,
    group_column: str | None = None,
    source_column: str | None = None,
    one_class: bool = False,
) -> Reviews:
    r"""The labelled reviews of a source, or of several.

    Args:
        sources: A file, a folder of Parquet, `hub:owner/name[@revision]` or `sample` (see `kinds.KINDS`); or several,
            each as `named_source` reads it. Labels are understood for each by itself.
        text_column: A column by name; None looks for the usual names. Of several sources it is that of those that have
            it, as all columns are.
        label_column: Likewise.
        fake_label: The label that means fake; None where the labels, or the card of a known data set, say so.
        group_column: Rows that share a value here (an author, a product) stay in one split.
        source_column: What its rows say is their source; a row without a value is of that of its file.
        one_class: Whether reviews of one class are enough, as they are to be scored. `fake_label` may then be a label
            that does not occur.

    Raises:
        DataError: A source cannot be read, a column or the fake label is not clear, or a class is empty.
        UsageError: Two sources have one name.

    Examples:
        >>> _ = Path("reviews.csv").write_text("text,label\nGreat product,CG\nThe zip broke,OR\nGreat product,CG\n")
        >>> reviews = load_reviews("reviews.csv")
        >>> reviews.table.num_rows, reviews.report.fake, reviews.report.genuine
        (2, 1, 1)
        >>> reviews = load_reviews(["shop=reviews.csv", "sample"])
        >>> sorted(set(reviews.table["source"].to_pylist()))
        ['sample', 'shop']
    """
    asked = named_sources([sources] if isinstance(sources, str) else sources, "--data")
    wanted = Wanted(text_column, label_column, fake_label, group_column, source_column)
    found = [labelled_rows(each, wanted, alone=len(asked) == 1, one_class=one_class) for each in asked]
    return _reviews(asked, found, one_class=one_class)


def load_others(
    asked: NamedSource,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    fake_label: str | None = None,
) -> Reviews:
    r"""The labelled reviews of a source that is to be scored beside others, of one class or both.

    Args:
        asked: The source.
        text_column: Of the others; it counts where the source has it, and so do the next two.
        label_column: Likewise.
        fake_label: Likewise; a label of the source's own comes before it.

    Raises:
        DataError: It cannot be read, a column or the fake label is not clear, or it holds no review.

    Examples:
        >>> _ = Path("guests.csv").write_text("text,label\nThe bed was hard,OR\nA quiet room,OR\n")
        >>> load_others(NamedSource("hotels", "guests.csv", fake_label="CG")).report.genuine
        2
    """
    wanted = Wanted(text_column, label_column, fake_label)
    return _reviews([asked], [labelled_rows(asked, wanted, alone=False, one_class=True)], one_class=True)


def _reviews(asked: Sequence[NamedSource], found: Sequence[LabelledRows], *, one_class: bool) -> Reviews:
    columns = {name: [value for rows in found for value in rows.columns[name]] for name in found[0].columns}
    texts = [text for rows in found for text in rows.texts]
    kept, report = merge(texts, columns, sum(rows.replaced for rows in found))
    if not (report.kept if one_class else report.fake and report.genuine):
        raise DataError(
            f"{' and '.join(shown(each.source) for each in asked)} leaves {report.fake} fake and {report.genuine} "
            f"genuine reviews: {'; '.join(report.lines())}"
        )
    table = pa.table([kept[name] for name in SCHEMA.names], schema=SCHEMA).sort_by(ID)
    name = found[0].name if len(asked) == 1 else "+".join(each.name for each in asked)
    return Reviews(table, report, _sha256(table), name)


def load_texts(source: str, text_column: str | None = None) -> pa.Table:
    r"""The texts of a source for prediction, normalised like those of training; no label is needed.

    Returns:
        `row` (int64) and `text` (string, blank where missing): one row for each of the source's, in its order.

    Raises:
        DataError: The source cannot be read, or its text column is not clear or holds no text.

    Examples:
        >>> _ = Path("new.csv").write_text("id,review\n7,The zip broke\n8,\n")
        >>> load_texts("new.csv").to_pylist()
        [{'row': 0, 'text': 'The zip broke'}, {'row': 1, 'text': ''}]
    """
    table = read_source(source).table
    name = find_column(table.column_names, text_column, TEXT_NAMES, "--text-column")
    texts = [normalise(text or "") for text in texts_of(table, name)]
    return pa.table({ROW: pa.array(range(len(texts)), pa.int64()), TEXT: pa.array(texts, pa.string())})


def reviews_in_store(reviews: Reviews, store: Store) -> Path:
    """The file of the store that now holds these reviews, for `read_reviews`.

    Examples:
        >>> path = reviews_in_store(load_reviews("sample"), Store(Path("results")))
        >>> read_reviews(path).name
        'sample'
    """
    path = store.reviews / f"{reviews.sha256[:KEY_LENGTH]}.parquet"
    if bucket_of(path) is None or not is_there(path):
        write_parquet(reviews.table, path, {"report": asdict(reviews.report), "name": reviews.name})
    return path


def read_reviews(path: Path) -> Reviews:
    r"""The reviews in a file of the store.

    Raises:
        DataError: The file is missing or damaged.

    Examples:
        >>> _ = Path("reviews.csv").write_text("text,label\nGreat product,CG\nThe zip broke,OR\n")
        >>> reviews = load_reviews("reviews.csv")
        >>> again = read_reviews(reviews_in_store(reviews, Store(Path("results"))))
        >>> again.sha256 == reviews.sha256, again.report == reviews.report
        (True, True)
    """
    table, note = read_parquet(path, SCHEMA)
    return Reviews(table, report_in(note, ReviewReport, path), _sha256(table), note.get("name", path.name))


def _sha256(table: pa.Table) -> str:
    digest = hashlib.sha256()
    # Of one source its name takes no part.
    several = len(table[SOURCE].unique()) > 1
    names = [ID, TEXT, FAKE, GROUP, *([SOURCE] if several else [])]
    for row in zip(*(values_of(table[name]) for name in names), strict=True):
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()
