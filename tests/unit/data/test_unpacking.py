"""Packed files are read as what they hold, or refused in one line."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data import unpacking
from reviewtune.data.sources import read_source
from reviewtune.errors import DataError

ROWS = [{"text": "Good, very", "label": "CG"}, {"text": "Bad", "label": "OR"}]


def zipped(raw: bytes, *names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, raw)
    return packed.getvalue()


def plain(kind: str) -> bytes:
    if kind == "csv":
        return b'text,label\n"Good, very",CG\nBad,OR\n'
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    held = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), held)
    return held.getvalue()


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(path))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("zip", lambda raw: zipped(raw, "whatever")),
        ("GZ", lambda raw: gzip.compress(raw[:20], mtime=0) + gzip.compress(raw[20:], mtime=0)),
    ],
)
def test_packed_files_give_the_rows_of_the_plain_one(
    tmp_path: Path, kind: str, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"a.{kind}.{suffix}"
    path.write_bytes(pack(plain(kind)))
    found = read_source(str(path))
    assert found.table.to_pylist() == ROWS
    assert found.name == path.name


def test_what_lies_in_an_archive_tells_what_it_is(tmp_path: Path) -> None:
    names = ("folder/", "folder/a.csv", "__MACOSX/folder/._a.csv", "folder/.DS_Store")
    (tmp_path / "a.zip").write_bytes(zipped(plain("csv"), *names))
    assert read_source(str(tmp_path / "a.zip")).table.to_pylist() == ROWS
    (tmp_path / "b.zip").write_bytes(zipped(plain("csv"), "a.txt"))
    assert "b.zip ends in '.txt', which has no reader" in message(tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.zip", zipped(plain("csv"), "a.csv", "b.csv"), "holds 2 files ('a.csv', 'b.csv'): pack one file of reviews"),
        ("a.zip", zipped(b""), "holds 0 files"),
        ("a.zip", zipped(plain("csv"), "a").replace(b"\0\0a", b"\0\0\0"), "a.zip ends in"),
        ("a.zip", b"PK\x03\x04 not really", "cannot be unpacked: File is not a zip file; pack it again, or unpack it"),
        ("a.csv.gz", plain("csv"), "cannot be unpacked: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(plain("csv"), mtime=0)[:-9], "cannot be unpacked: Compressed file ended before"),
        ("a.csv.gz", gzip.compress(plain("csv"), mtime=0)[:-8] + b"\1" * 8, "cannot be unpacked: CRC check failed"),
        ("a.csv.xz", lzma.compress(plain("csv"))[:-9], "cannot be unpacked: Compressed file ended before"),
        ("a.csv.bz2", b"BZh9 not really", "cannot be unpacked: Invalid data stream"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "has no rows below its columns"),
        ("a.csv.gz", gzip.compress(b"text,label\ncaf\xe9,OR\n", mtime=0), "byte 0xe9 at offset 14 (line 2)"),
        ("a.parquet.gz", gzip.compress(b"PAR1 not really", mtime=0), "is damaged or not what its name says"),
    ],
)
def test_a_torn_archive_is_refused_in_one_line(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    assert said in message(tmp_path / name)


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    raw = bytearray(zipped(plain("csv"), "a.csv"))
    for signature, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + flag] |= 1
    (tmp_path / "a.zip").write_bytes(raw)
    assert "is encrypted, password required" in message(tmp_path / "a.zip")


def test_what_unpacks_to_more_than_memory_should_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_BYTES", 2**23)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"x" * 2**24, mtime=0))
    assert "holds more than 8,388,608 bytes of text: save it as .parquet" in message(tmp_path / "a.csv.gz")
