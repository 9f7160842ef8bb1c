"""What `predict` writes, and what it refuses before it does any work."""

import csv
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune import first_look, labelling, rows
from reviewtune.cli import main
from reviewtune.data.texts import prepare
from reviewtune.predict import Classifier


@pytest.fixture
def artifact(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """In place of an artifact: calls a review fake where it is longer than four letters; keeps what it was given."""
    given: list[list[str]] = []

    def scores(texts: list[str]) -> Any:
        given.append(texts)
        return np.array([0.75 if len(text) > 4 else 0.25 for text in texts])

    info: Any = SimpleNamespace(threshold=0.5, fake_probability=lambda scores: scores)
    model: Any = SimpleNamespace(scores=scores)
    profile: Any = SimpleNamespace(familiar=lambda texts: np.full(len(texts), 0.5), shift=lambda texts: None)
    monkeypatch.setattr(labelling, "load", lambda *_, **__: Classifier(info, model, "texts", profile))
    monkeypatch.setattr(first_look, "look", lambda _: None)
    return given


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    status = main(["predict", "--artifact", "a", *map(str, words)])
    shown = capsys.readouterr()
    assert (status, shown.err.count("\n"), shown.out) == (2, 1, "")
    return shown.err


def labelled(*words: object) -> None:
    assert main(["predict", "--artifact", "a", *map(str, words)]) == 0


def standard_input(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text('id,text,stars\n007,"short, review",5.0\n008,bad,\n')
    return path


def test_standard_input_is_lines_and_standard_output_csv(
    artifact: list[list[str]], monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    standard_input(monkeypatch, 'cafe\u0301 \r\n\nlonger, "so"\n'.encode())
    labelled("--input", "-", "--output", "-")
    assert artifact == [["café", 'longer, "so"']]
    shown = capfdbinary.readouterr()
    expected = (
        'text,fake_probability,label,familiar\ncafe\u0301 ,0.25,genuine,0.5\n,,,\n"longer, ""so""",0.75,fake,0.5\n'
    )
    assert shown.out.decode() == expected
    assert shown.err == b"1 of 3 reviews has no text: no probability, no label\n"


def test_the_inputs_columns_stay_as_they_were(artifact: list[list[str]], reviews: Path, tmp_path: Path) -> None:
    labelled("--input", reviews, "--output", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == (
        "id,text,stars,fake_probability,label,familiar\n"
        '007,"short, review",5.0,0.75,fake,0.5\n008,bad,,0.25,genuine,0.5\n'
    )


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "CSV"])
@pytest.mark.parametrize("only_scores", [True, False])
def test_each_output_holds_a_row_a_review(
    artifact: list[list[str]], reviews: Path, tmp_path: Path, suffix: str, only_scores: bool
) -> None:
    from reviewtune.data.sources import read_source

    output = tmp_path / f"out.{suffix}"
    labelled("--input", reviews, "--output", output, *(["--only-scores"] if only_scores else []))
    table = read_source(str(output)).table
    added = ["fake_probability", "label", "familiar"]
    assert table.column_names == (added if only_scores else ["id", "text", "stars", *added])
    rows = table.to_pylist()
    assert [(float(row["fake_probability"]), row["label"]) for row in rows] == [(0.75, "fake"), (0.25, "genuine")]
    if not only_scores:
        assert [row["id"] for row in rows] == ["007", "008"]


TYPED = pa.table(
    {
        "text": ["short review", None, "bad"],
        "when": pa.array([0, 10**12, None], pa.timestamp("ms")),
        "price": pa.array([1.5, float("nan"), None]),
        "tags": [["a", "b"], [], None],
        "place": pa.array(["x", "y", "x"]).dictionary_encode(),
        "long": pa.array(["x", None, "x"], pa.large_string()),
        "raw": pa.array([b"x", None, b"y"]),
        "votes": pa.array([1, 2, 3], pa.uint16()),
        "blob": [b"\xff", b"", None],
    }
)


def test_parquet_keeps_its_types(artifact: list[list[str]], tmp_path: Path) -> None:
    parquet.write_table(TYPED, tmp_path / "in.parquet")
    labelled("--input", tmp_path / "in.parquet", "--output", tmp_path / "out.parquet")
    written = parquet.read_table(tmp_path / "out.parquet")
    kept, added = written.select(TYPED.column_names), written.select(["fake_probability", "label", "familiar"])
    assert kept.schema == TYPED.schema
    assert kept.drop_columns(["price"]).equals(TYPED.drop_columns(["price"]))
    assert added.to_pydict() == {
        "fake_probability": [0.75, None, 0.25],
        "label": ["fake", None, "genuine"],
        "familiar": [0.5, None, 0.5],
    }


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_columns_that_a_file_has_no_type_for_are_spelled_or_refused(
    artifact: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    parquet.write_table(TYPED, tmp_path / "in.parquet")
    words = ["--input", tmp_path / "in.parquet", "--output", tmp_path / f"out.{suffix}"]
    assert f"a .{suffix} file cannot hold the column 'blob' of binary: give --output FILE.parquet" in refused(
        capsys, *words
    )
    assert artifact == []
    parquet.write_table(TYPED.drop_columns(["blob"]), tmp_path / "in.parquet")
    labelled(*words)
    if suffix == "jsonl":
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert [row["price"] for row in rows] == [1.5, None, None]
        assert [row["tags"] for row in rows] == [["a", "b"], [], None]
        assert rows[1]["fake_probability"] is None
    else:
        with (tmp_path / f"out.{suffix}").open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="," if suffix == "csv" else "\t"))
        assert [row["tags"] for row in rows] == ['["a", "b"]', "[]", ""]
        assert rows[1]["fake_probability"] == rows[1]["label"] == ""
    assert [row["when"] for row in rows][:2] == ["1970-01-01 00:00:00.000", "2001-09-09 01:46:40.000"]


def test_two_columns_of_one_name_stay_in_csv_alone(
    artifact: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("x,text,x\n1,bad,2\n")
    labelled("--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "x,text,x,fake_probability,label,familiar\n1,bad,2,0.25,genuine,0.5\n"
    said = refused(capsys, "--input", tmp_path / "in.csv", "--output", tmp_path / "out.jsonl")
    assert "holds no two columns named 'x'" in said


def test_a_column_of_the_same_name_is_neither_lost_nor_taken_for_ours(
    artifact: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("text,label\nbad,OR\n")
    words = ["--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv"]
    said = refused(capsys, *words)
    assert "has a column 'label' already: give the new ones other names, such as --prefix predicted_" in said
    assert artifact == []
    labelled(*words, "--prefix", "predicted_")
    assert (tmp_path / "out.csv").read_text() == (
        "text,label,predicted_fake_probability,predicted_label,predicted_familiar\nbad,OR,0.25,genuine,0.5\n"
    )
    labelled(*words, "--only-scores")


@pytest.mark.parametrize("link", ["itself", "symbolic", "hard", "other spelling", "folder", "within a linked folder"])
def test_an_output_never_destroys_its_input(
    artifact: list[list[str]], reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], link: str
) -> None:
    given, output = reviews, tmp_path / "link.csv"
    if link == "itself":
        output = reviews
    elif link == "symbolic":
        output.symlink_to(reviews)
    elif link == "hard":
        output.hardlink_to(reviews)
    elif link == "other spelling":
        output = tmp_path / "." / "folder" / ".." / "in.csv"
        (tmp_path / "folder").mkdir()
    else:
        given = tmp_path / "folder"
        given.mkdir()
        parquet.write_table(pa.table({"text": ["bad"]}), given / "in.parquet")
        output = given / "more.parquet"
        if link != "folder":
            (tmp_path / "linked").symlink_to(given)
            output = tmp_path / "linked" / "in.parquet"
    before = reviews.read_bytes()
    said = refused(capsys, "--input", given, "--output", output)
    assert "--input reads: give another" in said
    assert (artifact, reviews.read_bytes()) == ([], before)


def test_an_input_by_redirection_is_not_destroyed_either(
    artifact: list[list[str]], reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = os.dup(0)
    try:
        with reviews.open() as file:
            os.dup2(file.fileno(), 0)
            assert "is the very file that --input reads" in refused(capsys, "--input", "-", "--output", reviews)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_an_output_goes_nowhere_into_the_artifact(
    artifact: list[list[str]], reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "art").mkdir()
    status = main(
        ["predict", "--artifact", str(tmp_path / "art"), "--input", str(reviews), "--output", f"{tmp_path}/art/x.csv"]
    )
    assert (status, "lies in the folder that --artifact reads" in capsys.readouterr().err) == (2, True)


def test_an_older_output_stays_where_writing_fails(
    artifact: list[list[str]], reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows, "table_writer", full)
    assert main(["predict", "--artifact", "a", "--input", str(reviews), "--output", str(output)]) == 2
    assert (output.read_text(), sorted(path.name for path in tmp_path.iterdir())) == ("old", ["in.csv", "out.csv"])


def test_a_link_to_an_output_stays_a_link(artifact: list[list[str]], reviews: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "there" / "out.csv")
    labelled("--input", reviews, "--output", tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "there" / "out.csv").read_text().startswith("id,text")


@pytest.mark.parametrize(
    ("output", "said"),
    [("no/out.csv", "there is no folder"), ("out.xlsx", "must be one of .csv, .tsv"), ("out", "must be one of .csv")],
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    artifact: list[list[str]], reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, said: str
) -> None:
    assert said in refused(capsys, "--input", reviews, "--output", tmp_path / output)
    assert artifact == []


def test_an_output_that_fails_at_the_end_is_one_line(
    artifact: list[list[str]], reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out.jsonl").mkdir()
    said = refused(capsys, "--input", reviews, "--output", tmp_path / "out.jsonl")
    assert "out.jsonl cannot be written (Is a directory): give another file" in said


def test_standard_input_must_be_text(
    artifact: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    standard_input(monkeypatch, b"caf\xe9\n")
    assert main(["predict", "--artifact", "a", "--input", "-"]) == 1
    assert "standard input is not UTF-8 text: byte 0xe9" in capsys.readouterr().err
    standard_input(monkeypatch, b"")
    assert main(["predict", "--artifact", "a", "--input", "-"]) == 1
    assert "--input - holds no review" in capsys.readouterr().err


def test_half_characters_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    prepared = prepare(["bad \ud83d", None, "good"])
    rows.say_what_has_no_text(prepared.total, prepared.missing, prepared.repaired)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3 reviews has no text: no probability, no label",
        "1 of 3 reviews held half a character (a lone surrogate): read as U+FFFD",
    ]
