"""Every reader returns all rows or says in one line why not."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data.sources import read_lines, read_source
from reviewtune.errors import DataError

ROWS = [{"text": 'Good, "very" good\nindeed', "label": "CG"}, {"text": "Bad", "label": "OR"}]


def message(source: object) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(source))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(folder: Path, name: str) -> Path:
    path = folder / name
    quoted = ['"Good, ""very"" good\nindeed"', "Bad"]
    if path.suffix in (".csv", ".tsv"):
        mark = "," if path.suffix == ".csv" else "\t"
        path.write_text(f"text{mark}label\n{quoted[0]}{mark}CG\n{quoted[1]}{mark}OR\n", encoding="utf-8-sig")
    elif path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.ndjson", "a.parquet"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    source = read_source(str(written(tmp_path, name)))
    assert source.table.to_pylist() == ROWS
    assert source.name == name


def test_a_folder_of_parquet_is_read_in_the_order_of_its_file_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        parquet.write_table(pa.table({"text": [name]}), tmp_path / f"{name}.parquet")
    source = read_source(str(tmp_path))
    assert source.table["text"].to_pylist() == ["a", "b"]
    assert source.name == tmp_path.name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty (0 bytes)"),
        ("a.csv", b"text,label\n", "no rows"),
        ("a.csv", b"text,label\na,CG\nb\n", "line 3: 1 fields where the header has 2"),
        ("a.csv", b"text,label\na,CG,x\n", "line 2: 3 fields where the header has 2"),
        ("a.csv", b'text,label\n"a,CG\nb,OR\n', "line 3: unexpected end of data"),
        ("a.csv", b'text,label\n"a,CG\nb "so" c,OR\nd,CG\n', "line 3: ',' expected after '\"'"),
        ("a.csv", b'text,label\n"say \\"hi\\" now",CG\n', "line 2: ',' expected after '\"'"),
        ("a.csv", b"text,label\nok,CG\ncaf\xe9,OR\n", "byte 0xe9 at offset 20 (line 3); save it as UTF-8"),
        (
            "a.csv",
            "text,label\na,CG\n".encode("utf-16"),
            "binary file or UTF-16: there is a NUL byte at offset 3",
        ),
        ("a.csv", "text,label\na,CG\n".encode("utf-16-le"), "NUL byte at offset 1; save it as UTF-8"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a binary file"),
        ("a.csv", b"\xef\xbb\xbftext,label\nok,CG\ncaf\xe9,OR\n", "byte 0xe9 at offset 23 (line 3); save it as UTF-8"),
        ("a.jsonl", b'{"text": "a"}\n{"te', "line 2: Unterminated string"),
        ("a.jsonl", b'[{"text": "a"}]\n', """line 1: [{"text": "a"}] is no JSON object; write one a line"""),
        ("a.parquet", b"text,label\na,CG\n", "damaged or not what its name says"),
        ("a.xlsx", b"PK\x03\x04", "ends in '.xlsx', which has no reader: a source is .csv, .tsv"),
        ("noending", b"text\na\n", "ends in 'no suffix'"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = message(path)
    assert said in found
    assert str(path) in found


def test_a_stream_keeps_every_line_and_refuses_what_is_no_text() -> None:
    assert read_lines("\ufeffGood\r\n\nBad\u2028still bad\n".encode(), "standard input") == [
        "Good", "", "Bad\u2028still bad",
    ]  # fmt: skip
    assert read_lines(b"no line end", "standard input") == ["no line end"]
    assert read_lines(b"", "standard input") == []
    with pytest.raises(DataError, match=r"standard input is not UTF-8 text: byte 0xe9 at offset 7 \(line 2\)"):
        read_lines(b"ok\ncaf \xe9", "standard input")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert "there is no file or folder" in message(tmp_path / "none.csv")
    (tmp_path / "notes.txt").write_text("x")
    assert "holds no .parquet file" in message(tmp_path)


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.csv")

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert message(path) == f"{path} cannot be read: Permission denied"


def test_parquet_files_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"text": [1]}), tmp_path / "b.parquet")
    assert "damaged or not what its name says" in message(tmp_path)
