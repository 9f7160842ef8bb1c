"""What the verbs refuse before they do any work."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune import first_look, predict
from reviewtune.cli import main


@pytest.fixture
def artifact(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """In place of an artifact: calls a review fake where it is longer than four letters; keeps what it was given."""
    given: list[list[str]] = []

    def fake_probability(texts: list[str]) -> Any:
        given.append(texts)
        return np.array([0.75 if len(text) > 4 else 0.25 for text in texts])

    classifier = SimpleNamespace(fake_probability=fake_probability, info=SimpleNamespace(threshold=0.5))
    monkeypatch.setattr(predict, "load", lambda _: classifier)
    monkeypatch.setattr(first_look, "look", lambda _: None)
    return given


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    status = main([str(word) for word in words])
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert not shown.out
    return status, shown.err


def standard_input(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))


def test_predictions_of_standard_input_are_of_normalised_lines(
    artifact: list[list[str]], monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    standard_input(monkeypatch, "cafe\u0301 \r\n\nlonger\n".encode())
    assert main(["predict", "--artifact", "a", "--input", "-", "--output", "-"]) == 0
    assert artifact == [["café", "", "longer"]]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_each_output_holds_a_row_a_review(artifact: list[list[str]], tmp_path: Path, suffix: str) -> None:
    from reviewtune.data.sources import read_source

    (tmp_path / "in.csv").write_text("text\nshort review\nbad\n")
    output = tmp_path / f"out.{suffix}"
    assert main(["predict", "--artifact", "a", "--input", str(tmp_path / "in.csv"), "--output", str(output)]) == 0
    rows = read_source(str(output)).table.to_pylist()
    assert [(float(row["fake_probability"]), row["label"]) for row in rows] == [(0.75, "fake"), (0.25, "genuine")]


@pytest.mark.parametrize(
    ("output", "said"),
    [("no/out.csv", "there is no folder"), ("out.xlsx", "must be one of .csv, .tsv"), ("out", "must be one of .csv")],
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    artifact: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, said: str
) -> None:
    (tmp_path / "in.csv").write_text("text\ngood\n")
    words = ["predict", "--artifact", "a", "--input", tmp_path / "in.csv", "--output", tmp_path / output]
    status, err = refused(capsys, *words)
    assert (status, said in err, artifact) == (2, True, [])


def test_an_output_that_fails_at_the_end_is_one_line(
    artifact: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("text\ngood\n")
    (tmp_path / "out.jsonl").mkdir()
    words = ["predict", "--artifact", "a", "--input", tmp_path / "in.csv", "--output", tmp_path / "out.jsonl"]
    status, err = refused(capsys, *words)
    assert status == 2
    assert "out.jsonl cannot be written (Is a directory): give another file" in err


def test_standard_input_must_be_text(
    artifact: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    standard_input(monkeypatch, b"caf\xe9\n")
    status, err = refused(capsys, "predict", "--artifact", "a", "--input", "-")
    assert (status, "standard input is not UTF-8 text: byte 0xe9" in err) == (1, True)
    standard_input(monkeypatch, b"")
    assert "--input - holds no review" in refused(capsys, "predict", "--artifact", "a", "--input", "-")[1]


def test_scores_need_a_folder_to_go_to(
    artifact: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--artifact", tmp_path, "--data", "sample", "--output", tmp_path / "no" / "scores.json"]
    assert "there is no folder" in refused(capsys, *words)[1]


@pytest.mark.parametrize("verb", ["tune", "embed"])
def test_results_need_a_folder(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    status, err = refused(capsys, verb, "--results-dir", tmp_path / "file")
    assert (status, "is no folder" in err) == (2, True)


def test_a_space_of_a_family_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = json.dumps({"qlorra": {"rank": 8}})
    status, err = refused(capsys, "tune", "--results-dir", tmp_path, "--families", "tfidf", "--space", space)
    assert (status, "unknown family 'qlorra'" in err) == (2, True)
