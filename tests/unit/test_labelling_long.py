"""An input of many chunks: the same rows as in one, in bounded memory, and a run that was cut off goes on."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune import first_look, kept_scores, labelling
from reviewtune.cli import main
from reviewtune.data import chunks
from reviewtune.data.sources import read_source
from reviewtune.kept_scores import KeptScores
from reviewtune.labelling_pace import Pace
from reviewtune.predict import Classifier

ROWS = 23


class Given(list[list[str]]):
    """The texts that were scored, and at which of them the run is cut off."""

    fails_at: str | None = None


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    """Chunks of five rows, of an artifact that gives a review its length as probability."""
    given = Given()

    def scores(texts: list[str]) -> Any:
        if given.fails_at in texts:
            raise KeyboardInterrupt
        given.append(texts)
        return np.array([len(text) / 100 for text in texts])

    def shift(texts: list[str]) -> None:
        given.sampled = texts  # type: ignore[attr-defined]

    info: Any = SimpleNamespace(threshold=0.1, fake_probability=lambda scores: scores)
    profile: Any = SimpleNamespace(familiar=lambda texts: np.full(len(texts), 0.5), shift=shift)
    model: Any = SimpleNamespace(scores=scores)
    monkeypatch.setattr(labelling, "load", lambda *_, **__: Classifier(info, model, "texts", profile))
    monkeypatch.setattr(first_look, "look", lambda _: None)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 5)
    monkeypatch.setattr(chunks, "WHOLE_BYTES", 0)
    monkeypatch.setattr(kept_scores, "CHUNK_ROWS", 5)
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "reviewtune.json").write_text("{}")
    return given


def texts() -> list[str | None]:
    return [None if number % 7 == 3 else f"review {'x' * (number + 1)}" for number in range(ROWS)]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    table = pa.table({"text": texts(), "votes": pa.array(range(ROWS), pa.uint16())})
    parquet.write_table(table, tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def labelled(tmp_path: Path, source: object, output: str, *more: str) -> int:
    words = ["predict", "--artifact", str(tmp_path / "art"), "--input", str(source), "--output", str(tmp_path / output)]
    return main([*words, *more])


@pytest.mark.parametrize("output", ["out.csv", "out.tsv", "out.jsonl", "out.parquet"])
def test_all_rows_come_in_their_order_with_what_is_said_of_them(
    given: Given, reviews: Path, tmp_path: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert labelled(tmp_path, reviews, output) == 0
    table = read_source(str(tmp_path / output)).table
    expected = [len(text) / 100 if text else None for text in texts()]
    probability = [float(value) if value not in (None, "") else None for value in table["fake_probability"].to_pylist()]
    assert probability == expected
    assert [int(votes) for votes in table["votes"].to_pylist()] == list(range(ROWS))
    assert [len(part) for part in given] == [4, 5, 4, 4, 3]
    assert given.sampled == [text for text in texts() if text]  # type: ignore[attr-defined]
    said = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"labelled 23 reviews in .+, [\d,]+ a second", said[0])
    assert said[1] == "3 of 23 reviews have no text: no probability, no label"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["art", "in.parquet", output]
    if output == "out.parquet":
        assert table.schema.field("votes").type == pa.uint16()


def test_a_run_that_was_cut_off_goes_on(
    given: Given, reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given.fails_at = texts()[12]
    assert labelled(tmp_path, reviews, "out.csv") == 130
    assert not (tmp_path / "out.csv").exists()
    assert len(given) == 2
    (folder,) = tmp_path.glob(".out.csv.*.scores")
    assert sorted(path.name for path in folder.iterdir()) == ["00000000.parquet", "00000001.parquet"]
    # The first is damaged meanwhile, so it is made again.
    (folder / "00000000.parquet").write_bytes(b"PAR1")
    given.fails_at, given[:] = None, []
    assert labelled(tmp_path, reviews, "out.csv") == 0
    assert [part[0] for part in given] == [texts()[row] for row in (0, 11, 15, 20)]
    assert "labelled 23 reviews" in (said := capsys.readouterr().err)
    assert ", 5 of them by an earlier run" in said
    assert not folder.exists()
    cut_off = (tmp_path / "out.csv").read_text()
    assert labelled(tmp_path, reviews, "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == cut_off


@pytest.mark.parametrize("changed", ["input", "artifact", "setting"])
def test_what_was_made_from_something_else_is_not_taken(
    given: Given, reviews: Path, tmp_path: Path, changed: str
) -> None:
    given.fails_at = texts()[22]
    assert labelled(tmp_path, reviews, "out.csv") == 130
    given.fails_at, given[:] = None, []
    if changed == "input":
        table = parquet.read_table(reviews)
        parquet.write_table(table.set_column(0, "text", [["other"] * ROWS]), reviews)
    elif changed == "artifact":
        (tmp_path / "art" / "model.skops").write_text("x")
    assert labelled(tmp_path, reviews, "out.csv", *(["--max-fpr", "0.1"] if changed == "setting" else [])) == 0
    assert len(given) == 5


def test_an_artifact_that_was_brought_anew_is_the_same(given: Given, reviews: Path, tmp_path: Path) -> None:
    """As one of a bucket is by each run."""
    given.fails_at = texts()[22]
    assert labelled(tmp_path, reviews, "out.csv") == 130
    given.fails_at, given[:] = None, []
    note = tmp_path / "art" / "reviewtune.json"
    os.utime(note, ns=(0, 0))
    assert labelled(tmp_path, reviews, "out.csv") == 0
    assert len(given) == 1


def test_what_only_looks_like_scores_is_made_again(tmp_path: Path) -> None:
    kept = KeptScores(tmp_path / "scores")
    assert kept.read(0, 1) is None
    scores = pa.Table.from_pylist([{"label": "fake"}], schema=kept_scores.SCHEMA)
    kept.write(0, scores)
    assert kept.read(0, 1) is not None
    assert kept.read(0, 2) is None
    kept.write(0, scores.drop_columns(["label"]))
    assert kept.read(0, 1) is None
    kept.forget()
    assert not (tmp_path / "scores").exists()


def test_numbers_are_no_texts_however_many_there_are(
    given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("text\n" + "5\n" * ROWS)
    assert labelled(tmp_path, tmp_path / "in.csv", "out.csv") == 1
    assert "the column 'text' holds numbers, not text" in capsys.readouterr().err
    assert given == []
    (tmp_path / "in.csv").write_text("text\n" + "5\n" * ROWS + "a review\n")
    assert labelled(tmp_path, tmp_path / "in.csv", "out.csv") == 0


def test_a_fault_at_the_end_is_said_before_anything_is_scored(
    given: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("text,label\n" + "a review,CG\n" * ROWS + "a review\n")
    assert labelled(tmp_path, tmp_path / "in.csv", "out.csv", "--prefix", "p_") == 1
    assert "line 25: 1 fields where the header has 2" in capsys.readouterr().err
    assert given == []


def test_the_pace_is_that_of_this_run() -> None:
    said: list[str] = []
    now = iter([0.0, 10.0, 20.0, 30.0])
    pace = Pace(10_000, said.append, lambda: next(now))
    pace.add(1_000, kept=True)
    pace.add(1_000, kept=False)
    assert said == ["labelled 1,000 of 10,000 reviews", "labelled 2,000 of 10,000 reviews, 100 a second, 80 s left"]
