"""The rows of one source with what their columns mean, as they are found: nothing is merged or left out yet.

Shape letter: `N` rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from reviewtune.data.columns import (
    CATEGORY_NAMES,
    LABEL_NAMES,
    LANGUAGE_NAMES,
    RATING_NAMES,
    find_column,
    has_column,
    optional_column,
)
from reviewtune.data.hub import known_fake_label
from reviewtune.data.labels import has_label, read_fake, spelled
from reviewtune.data.missing import is_missing
from reviewtune.data.named_source import NamedSource
from reviewtune.data.plain_columns import scalars
from reviewtune.data.shown import shown
from reviewtune.data.sources import read_source
from reviewtune.data.texts import is_number, read_texts
from reviewtune.errors import DataError
from reviewtune.schema import CATEGORY, FAKE, GROUP, LANGUAGE, RATING, ROW, SOURCE, TEXT_NAMES


@dataclass(frozen=True)
class Wanted:
    """What the user says of the columns; None where nothing is said."""

    text: str | None = None
    label: str | None = None
    fake_label: str | None = None
    group: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class LabelledRows:
    """The rows of a source.

    Attributes:
        name: Of the source, as reports call it.
        texts: N, None where one is missing.
        columns: By name, N values.
        replaced: Rows whose text held half of a surrogate pair.
    """

    name: str
    texts: list[str | None]
    columns: dict[str, list[Any]]
    replaced: int


def labelled_rows(asked: NamedSource, wanted: Wanted, *, alone: bool, one_class: bool) -> LabelledRows:
    """All rows of a source, and what its columns say.

    Args:
        asked: Where it is.
        wanted: Of its columns. Where it is one of several, those that it lacks are looked for by their usual names, or
            left out, and the fake label counts where it is one of its labels.
        alone: Whether it is the only one.
        one_class: Whether one label is enough; of several sources it always is.

    Raises:
        DataError: It cannot be read, or a column or the fake label is not clear; says in which of several.
    """
    if alone:
        return _read(asked, wanted, alone=True, one_class=one_class)
    try:
        return _read(asked, wanted, alone=False, one_class=True)
    except DataError as error:
        raise DataError(f"{shown(asked.name)}: {error}") from None


def _read(asked: NamedSource, wanted: Wanted, *, alone: bool, one_class: bool) -> LabelledRows:
    found = read_source(asked.source)
    table, names = found.table, found.table.column_names

    def own(name: str | None) -> str | None:
        """A column that was asked for; None where another source is to have it."""
        return name if name is None or alone or has_column(names, name) else None

    text_name = find_column(names, own(wanted.text), TEXT_NAMES, "--text-column")
    label_name = find_column(names, own(wanted.label), LABEL_NAMES, "--label-column")
    if text_name == label_name:
        raise DataError(f"--text-column and --label-column are both {text_name!r}: they must be two columns")
    group_name, source_name = (
        find_column(names, name, (), flag) if (name := own(asked_for)) else None
        for asked_for, flag in ((wanted.group, "--group-column"), (wanted.source, "--source-column"))
    )
    labels = scalars(table, label_name, "--label-column")
    fake_label = _fake_label(asked, wanted, labels, alone=alone)
    told_by = "--fake-label" if alone else f"{shown(asked.name)}=FILE:LABEL"
    columns: dict[str, list[Any]] = {
        FAKE: read_fake(labels, label_name, fake_label, one_class=one_class, told_by=told_by),
        GROUP: _strings(table, group_name, "--group-column", spelled),
        CATEGORY: _strings(table, optional_column(names, CATEGORY_NAMES)),
        RATING: _numbers(table, optional_column(names, RATING_NAMES)),
        LANGUAGE: _strings(table, optional_column(names, LANGUAGE_NAMES)),
        ROW: list(range(table.num_rows)),
        SOURCE: [value or asked.name for value in _strings(table, source_name, "--source-column", spelled)],
    }
    return LabelledRows(found.name, texts_of(table, text_name), columns, found.replaced.get(text_name, 0))


def _fake_label(asked: NamedSource, wanted: Wanted, labels: Sequence[Any], *, alone: bool) -> str | None:
    """The label that was said to mean fake here: for this source, for all of them, or by the card of a known one."""
    for_all = wanted.fake_label
    if for_all is not None and not alone and not has_label(labels, for_all):
        for_all = None
    return asked.fake_label or for_all or known_fake_label(asked.source)


def texts_of(table: pa.Table, name: str) -> list[str | None]:
    """A column of texts, None where one is missing; blank ones as they are."""
    return [None if text and is_missing(text) and text.strip() else text for text in read_texts(table, name)]


def _strings(
    table: pa.Table, name: str | None, flag: str = "", spell: Callable[[object], str] = str
) -> list[str | None]:
    """A column as text, None where a value is missing.

    Args:
        table: It is one of its columns.
        name: None where there is none.
        flag: That it was asked for by.
        spell: Makes a value text.

    Raises:
        DataError: The column was asked for by a flag and holds no single values. (One that was not is left out.)
    """
    try:
        values = scalars(table, name, flag) if name else [None] * table.num_rows
    except DataError:
        if flag:
            raise
        values = [None] * table.num_rows
    return [None if is_missing(value) else spell(value).strip() for value in values]


def _numbers(table: pa.Table, name: str | None) -> list[float | None]:
    """A column as numbers; None for what is none."""
    return [float(value) if value and is_number(value) else None for value in _strings(table, name)]
