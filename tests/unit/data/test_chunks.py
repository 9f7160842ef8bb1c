"""A source that is read in chunks has the rows that it has when read whole, and the same faults."""

import bz2
import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from reviewtune.data import chunks
from reviewtune.data.chunks import chunks_of, lines_in_chunks
from reviewtune.data.sources import read_lines, read_source
from reviewtune.data.texts import text_values
from reviewtune.errors import DataError

TEXTS = [f'Review {number}, "quoted"\nof two lines; café' if number % 3 else "" for number in range(23)]


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is a long one."""
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 5)
    monkeypatch.setattr(chunks, "WHOLE_BYTES", 0)


def whole(source: Path | str) -> pa.Table:
    found = chunks_of(str(source))
    tables = list(found)
    joined = pa.concat_tables(tables, promote_options="default")
    assert [len(table) for table in tables[:-1]] == [5] * (len(tables) - 1)
    assert (found.num_rows, found.column_names) == (len(joined), joined.column_names)
    assert pa.concat_tables(list(found), promote_options="default").equals(joined)
    return joined


def same(source: Path | str) -> None:
    found = read_source(str(source))
    assert whole(source).equals(found.table)


def fault(source: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(chunks_of(str(source)))
    with pytest.raises(DataError) as expected:
        read_source(str(source))
    assert str(caught.value) == str(expected.value)
    return str(caught.value)


def delimited(separator: str, quoting: Any = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator="\r\n")
    rows.writerows([("id", "text"), *((str(number), each) for number, each in enumerate(TEXTS))])
    return text.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_separated_values(tmp_path: Path, separator: str, quoting: Any, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes("\ufeff".encode() + delimited(separator, quoting).encode())
    same(path)


@pytest.mark.parametrize("pack", [".gz", ".bz2", ".zip"])
def test_packed_files(tmp_path: Path, pack: str) -> None:
    raw, path = delimited(",").encode(), tmp_path / f"a.csv{pack}"
    if pack == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", raw)
    else:
        path.write_bytes((gzip if pack == ".gz" else bz2).compress(raw))
    same(path)
    path.write_bytes(path.read_bytes()[:-20])
    fault(path)


def test_json_lines(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": text, "stars": number} for number, text in enumerate(TEXTS)]
    rows[7] |= {"stars": 4.5, "late": ["x"]}
    rows[9] = {"late": [], "place": {"a": 1}, "text": "half \ud83d"}
    rows[19] = {"place": {"b": "x"}, "text": None}
    path = tmp_path / "a.jsonl"
    path.write_text("\n\n".join(json.dumps(row) for row in rows))
    found, expected = whole(path), read_source(str(path))
    assert found.to_pylist() == expected.table.to_pylist()
    assert found.schema == expected.table.schema
    told = chunks_of(str(path))
    list(told)
    assert dict(told.replaced) == dict(expected.replaced) == {"text": 1}


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.csv", b"text,label\n" + b"a,b\n" * 30 + b"a,b,c\n"),
        ("a.csv", b"text,label\n" + b'a,"b"c\n' * 30),
        ("a.csv", b"text,label\n" + b"a,b\n" * 30 + b"caf\xe9,b\n"),
        ("a.csv", b"text\n" + b"a" * 65_535 + b"caf\xc3\n" + b"b\n" * 40_000),
        ("a.csv", b"a\0b,c\n" * 30),
        ("a.csv", b"\xff\xfea\0b\0" * 30),
        ("a.jsonl", b'{"a": 1}\n' * 30 + b'{"a": "x"}\n'),
        ("a.jsonl", b'{"a": 1}\n' * 30 + b"[1]\n"),
        ("a.jsonl", b'{"a": 1}\n' * 30 + b"{"),
        ("a.parquet", b"PAR1" * 30),
    ],
)
def test_faults_are_said_as_of_short_files(tmp_path: Path, name: str, raw: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    assert "export it again" in fault(path) or path.suffix != ".parquet"


def parquet_folder(folder: Path) -> None:
    (folder / "day=1").mkdir(parents=True)
    table = pa.table({"text": TEXTS, "votes": pa.array(range(23), pa.uint8())})
    parquet.write_table(table.slice(0, 9), folder / "b.parquet", row_group_size=4)
    parquet.write_table(table.slice(9).append_column("more", [["x"]] * 14), folder / "c.parquet")
    kept = pa.table({"votes": pa.array([7], pa.uint8()), "text": pa.array(["a"]).dictionary_encode()})
    parquet.write_table(kept, folder / "day=1" / "a.parquet")
    (folder / "readme.txt").write_text("no reviews")


def test_a_folder_of_parquet_is_one_table_in_the_order_of_its_files(tmp_path: Path) -> None:
    parquet_folder(tmp_path / "in")
    same(tmp_path / "in")
    assert len(chunks_of(str(tmp_path / "in")).identity or []) == 3


def test_a_url_is_read_as_the_folder_that_it_names(tmp_path: Path) -> None:
    parquet_folder(tmp_path / "in")
    assert whole(f"file://{tmp_path}/in").equals(whole(tmp_path / "in"))
    assert len(whole(f"file://{tmp_path}/in/b.parquet")) == 9
    for name, said in {
        "in/none": "check the name",
        "in/readme.txt": "holds no .parquet file",
    }.items():
        with pytest.raises(DataError, match=said):
            chunks_of(f"file://{tmp_path}/{name}")


def test_a_parquet_file_of_other_types_says_them(tmp_path: Path) -> None:
    texts = pa.array(TEXTS)
    table = pa.table({"text": texts.dictionary_encode(), "raw": [b"\xff"] * 23, "big": texts.cast(pa.large_string())})
    parquet.write_table(table, tmp_path / "a.parquet")
    same(tmp_path / "a.parquet")
    stored = chunks_of(str(tmp_path / "a.parquet")).stored
    assert stored is not None
    assert stored.types == table.schema.types


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": TEXTS}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"text": range(23)}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="is damaged or not what its name says"):
        chunks_of(str(tmp_path))


LINES = st.text(st.sampled_from("ab é\r\n\v\x85\u2028"), max_size=60)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
def test_lines_of_a_stream(text: str) -> None:
    found = lines_in_chunks(io.BytesIO(text.encode()), "standard input")
    expected = read_lines(text.encode(), "standard input")
    assert [line for table in found for line in table["text"].to_pylist()] == expected
    assert found.num_rows == (len(expected) if len(expected) < 5 else None)


def test_a_stream_is_read_as_it_comes_and_its_beginning_twice() -> None:
    stream = io.BytesIO(b"line\n" * 12)
    found = lines_in_chunks(stream, "standard input")
    assert len(next(iter(found))) == 5
    assert [len(table) for table in found] == [5, 5, 2]


def test_a_column_without_a_value_is_of_the_type_that_it_has_in_other_files(tmp_path: Path) -> None:
    """pandas writes a column of nothing as one of no type."""
    parquet.write_table(pa.table({"text": TEXTS, "reply": pa.nulls(23)}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"text": TEXTS, "reply": TEXTS}), tmp_path / "b.parquet")
    assert {table.schema.field("reply").type for table in chunks_of(str(tmp_path))} == {pa.string()}
    assert whole(tmp_path)["reply"].to_pylist() == [None] * 23 + TEXTS


def test_bytes_stay_bytes_whatever_a_chunk_holds_and_are_text_where_that_is_asked_for(tmp_path: Path) -> None:
    photos = [None] * 7 + [b"plain"] * 8 + [b"\xff\xd8"] * 8
    table = pa.table({"text": [text.encode() for text in TEXTS], "photo": photos})
    parquet.write_table(table, tmp_path / "a.parquet")
    found = list(chunks_of(str(tmp_path / "a.parquet")))
    assert {each.schema.field("photo").type for each in found} == {pa.binary()}
    assert [text for each in found for text in text_values(each, "text")] == TEXTS
    with pytest.raises(DataError, match="the column 'photo' holds binary, not text"):
        [text_values(each, "photo") for each in found]


def test_whole_numbers_of_64_bits_in_any_chunk_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ids = [*range(9), *range(2**63, 2**63 + 14)]
    path.write_text("".join(json.dumps({"text": text, "id": own}) + "\n" for text, own in zip(TEXTS, ids, strict=True)))
    assert whole(path)["id"].to_pylist() == ids
    same(path)


def test_bytes_that_are_text_in_one_file_alone_are_no_fault(tmp_path: Path) -> None:
    for name, photo in (("a", b"plain"), ("b", b"\xff\xd8")):
        parquet.write_table(pa.table({"text": TEXTS, "photo": [photo] * 23}), tmp_path / f"{name}.parquet")
    same(tmp_path)
    assert whole(tmp_path).schema.field("photo").type == pa.binary()


def test_text_that_one_file_stores_as_bytes_is_text(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": TEXTS}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"text": [text.encode() for text in TEXTS]}), tmp_path / "b.parquet")
    assert read_source(str(tmp_path)).table["text"].to_pylist() == TEXTS + TEXTS
