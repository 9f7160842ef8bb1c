"""Columns of any type that Parquet holds give values or one clear line."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data.reviews import load_reviews, load_texts
from reviewtune.data.sources import read_source
from reviewtune.errors import DataError
from reviewtune.schema import FAKE, GROUP, TEXT

TEXTS = ["good one", "bad one", "fine one", "poor one"]
LABELS = ["CG", "OR", "CG", "OR"]


def strings_of(raw: bytes, kind: pa.DataType) -> pa.Array:
    """Four values of a byte each, which nothing has checked."""
    offsets = pa.py_buffer(np.arange(5, dtype=np.int32))
    return pa.Array.from_buffers(kind, 4, [None, offsets, pa.py_buffer(raw)])


def written(folder: Path, **columns: Any) -> str:
    table = pa.table({"text": TEXTS, "label": LABELS, **columns})
    parquet.write_table(table, folder / "a.parquet")
    return str(folder / "a.parquet")


def message(source: str, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        load_reviews(source, **options)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    return str(caught.value)


def by_text(source: str, column: str, **options: str) -> list[Any]:
    table = load_reviews(source, **options).table
    found = dict(zip(table[TEXT].to_pylist(), table[column].to_pylist(), strict=True))
    return [found[text] for text in TEXTS]


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([1, 0, 1, 0], pa.int8()),
        pa.array([1.0, 0.0, 1.0, 0.0]),
        pa.array(np.array([1, 0, 1, 0], np.float16)),
        pa.array([Decimal("1.00"), Decimal("0.00"), Decimal("1.00"), Decimal("0.00")]),
        pa.array([True, False, True, False]),
        pa.array(["1", "0", "1", "0"], pa.large_string()),
        pa.array(["1", "0", "1", "0"], pa.string_view()),
        pa.array([b"1", b"0", b"1", b"0"]),
        pa.array([b"1", b"0", b"1", b"0"], pa.binary(1)),
        pa.array(["1", "0", "1", "0"]).dictionary_encode(),
        pa.array([1, 0, 1, 0]).dictionary_encode(),
    ],
    ids=lambda labels: str(labels.type)[:24],
)
def test_labels_of_any_type_of_single_values_are_read(tmp_path: Path, labels: pa.Array) -> None:
    source = written(tmp_path, is_fake=labels)
    assert by_text(source, FAKE, label_column="is_fake") == [True, False, True, False]


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        (pa.array([1, 1, 2, None]), [["1"], ["1"], ["2"], None]),
        (pa.array([1.5, float("nan"), 2.0, None]), [["1.5"], None, ["2"], None]),
        (pa.array(["a", "NULL", " a ", "n/a"]), [["a"], None, ["a"], None]),
        (pa.nulls(4), [None] * 4),
        (pa.array([dt.date(2020, 1, 2)] * 4), [["2020-01-02"]] * 4),
        (pa.array([0, 2**62, 2**62, None], pa.timestamp("us")), None),
        (pa.array([0, 2**30, 2**30, None], pa.date32()), None),
        (pa.array([0, 2**62, 2**62, None], pa.duration("us")), None),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_groups_of_any_type_of_single_values_are_read(
    tmp_path: Path, groups: pa.Array, named: list[list[str] | None] | None
) -> None:
    found = by_text(written(tmp_path, who=groups), GROUP, group_column="who")
    if named is None:  # Times beyond Python's are told apart too.
        assert found[0] != found[1] == found[2]
        assert found[3] is None
    else:
        assert found == named


NO_SINGLE_VALUES = [
    pa.array([["a"], ["b"], [], None]),
    pa.array([{"a": 1}, {"a": 2}, {"a": 1}, None]),
    pa.array([[("a", 1)], [], [], None], pa.map_(pa.string(), pa.int64())),
    strings_of(b"\xff\xfeab", pa.binary()),
]


@pytest.mark.parametrize("values", NO_SINGLE_VALUES, ids=lambda values: str(values.type)[:24])
@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("text_column", "not text: choose another of"),
        ("label_column", "not one value a row: give --label-column with another of"),
        ("group_column", "not one value a row: give --group-column with another of"),
    ],
)
def test_columns_of_lists_objects_and_bytes_are_refused(tmp_path: Path, values: pa.Array, flag: str, said: str) -> None:
    assert said in message(written(tmp_path, x=values), **{flag: "x"})


def test_what_is_no_category_or_rating_is_left_out(tmp_path: Path) -> None:
    source = written(tmp_path, category=NO_SINGLE_VALUES[0], rating=NO_SINGLE_VALUES[1])
    assert by_text(source, "category") == by_text(source, "rating") == [None] * 4


def test_a_time_of_an_unknown_zone_is_refused_as_a_group(tmp_path: Path) -> None:
    source = written(tmp_path, who=pa.array([0, 1, 2, None], pa.timestamp("ms", tz="Nowhere/Bad")))
    assert "store it as text, or give --group-column with another" in message(source, group_column="who")


@pytest.mark.parametrize("column", ["text", "label", "other"])
def test_strings_that_are_not_utf8_are_refused_with_their_column(tmp_path: Path, column: str) -> None:
    source = written(tmp_path, **{column: strings_of(b"a\xffbc", pa.string())})
    assert f"column '{column}': In chunk 0: Invalid: Invalid UTF8 sequence at string index 1" in message(source)


def test_bytes_that_are_utf8_are_texts(tmp_path: Path) -> None:
    source = written(tmp_path, text=pa.array([text.encode() for text in TEXTS]))
    assert by_text(source, TEXT) == TEXTS
    assert load_texts(source)[TEXT].to_pylist() == TEXTS


def test_other_columns_are_kept_whatever_they_hold(tmp_path: Path) -> None:
    columns = {f"c{place}": values for place, values in enumerate([*NO_SINGLE_VALUES, pa.nulls(4)])}
    table = read_source(written(tmp_path, **columns)).table
    assert table.column_names == ["text", "label", *columns]
    assert all(table[name].combine_chunks().equals(values) for name, values in columns.items())


def test_a_column_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = Path(written(tmp_path, other=pa.array([1, 2, 3, 4])))
    path.write_bytes(path.read_bytes().replace(b"other", b"oth\xffr"))
    assert message(str(path)).endswith("has a column whose name is not UTF-8: rename it, or export it again")


def varint(number: int) -> bytes:
    """A positive whole number as Parquet's footer spells it."""
    number *= 2
    digits = [number >> place & 127 for place in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(digit | 128 for digit in digits[:-1]), digits[-1]])


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (3, "is damaged: it says that it has 3 rows, and has 5; export it again"),
        (10**6, "is damaged: it says that it has 1,000,000 rows, and has 5; export it again"),
        (2**40, "says that it has 1,099,511,627,776 rows: at most 50,000,000 are read"),
    ],
)
@pytest.mark.parametrize("kind", [pa.null(), pa.string()], ids=str)
def test_a_file_that_has_other_rows_than_it_says_is_refused(
    tmp_path: Path, kind: pa.DataType, told: int, said: str
) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"label": pa.nulls(5, kind)}), path, store_schema=False, use_dictionary=False)
    raw = path.read_bytes()
    start = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    # The file's own count is the first in its footer; those of its row group and column stay.
    footer = raw[start:-8].replace(b"\x16" + varint(5), b"\x16" + varint(told), 1)
    path.write_bytes(raw[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert message(str(path)).endswith(said)
