"""A source that is not there is answered by its name, before anything heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from reviewtune.data.kinds import check_source
from reviewtune.errors import DataError

HEAVY = {"torch", "ray", "transformers", "pyarrow", "pandas", "numpy", "sklearn", "datasets"}


def test_checking_a_source_loads_nothing_heavy() -> None:
    code = "import sys, reviewtune.data.kinds; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "reviewtune" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    "name", ["a.csv", "a.TSV", "a.b.jsonl", "a.ndjson", "a.parquet", "a.csv.gz", "a.jsonl.XZ", "a.parquet.bz2", "a.zip"]
)
def test_files_of_every_kind_pass(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not looked into")
    check_source(str(tmp_path / name))


def test_folders_the_sample_and_hub_ids_pass(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.parquet").touch()
    for source in (str(tmp_path), "sample", "hub:owner/name", "hub:owner/name@main"):
        check_source(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none.csv", "there is no file or folder none.csv: a source is .csv, .tsv"),
        ("", "there is no file or folder without a name: a source is"),
        ("a.xlsx", "a.xlsx ends in '.xlsx', which has no reader: a source is .csv"),
        ("noending", "ends in 'no suffix'"),
        ("a.gz", "a.gz does not say what is packed in it: name it NAME.csv.gz or alike"),
        ("a.docx.xz", "does not say what is packed in it: name it NAME.csv.xz"),
        ("empty.csv", "empty.csv is empty (0 bytes): export it again"),
        ("folder", "the folder folder holds no .parquet file"),
        ("hub:owner", "hub:owner names no data set: write hub:owner/name"),
        ("a\0b.csv", "there is no file or folder a\\x00b.csv"),
        ("a\nb.csv", "there is no file or folder a\\nb.csv"),
        ("x" * 5000 + ".csv", "x.csv cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.xlsx", "noending", "a.gz", "a.docx.xz"):
        Path(name).write_text("x")
    Path("empty.csv").touch()
    Path("folder").mkdir()
    with pytest.raises(DataError) as caught:
        check_source(source)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
