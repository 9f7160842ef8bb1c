"""What `explain` shows and writes, and what it refuses before it does any work."""

import csv
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from reviewtune import explaining, first_look
from reviewtune.cli import main
from reviewtune.explanation import Explanation, Word
from reviewtune.explanation_view import ExplanationView, strongest
from reviewtune.predict import Classifier


@pytest.fixture(autouse=True)
def artifact(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of an artifact: `good` speaks for fake, `bad` for genuine."""

    def scores(texts: list[str]) -> Any:
        return np.array([2.0 * text.count("good") - text.count("bad") for text in texts])

    def probability(scores: Any) -> Any:
        return 1 / (1 + np.exp(-scores))

    info: Any = SimpleNamespace(
        threshold=0.5, family="svm", fake_probability=probability, log_odds=lambda scores: scores,
        calibration=SimpleNamespace(even_log_odds=lambda scores: scores),
    )  # fmt: skip
    model: Any = SimpleNamespace(scores=scores)
    monkeypatch.setattr(explaining, "load", lambda *_, **__: Classifier(info, model, "texts"))
    monkeypatch.setattr(first_look, "look", lambda _: None)
    monkeypatch.setenv("COLUMNS", "60")


def explained(*words: object, status: int = 0) -> None:
    assert main(["explain", "--artifact", "a", *map(str, words)]) == status


def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text('id,text,user\n007,"good, good and bad",ann\n008,,bob\n009,=good,eve\n')
    return path


def test_one_review_is_shown_with_its_strongest_words(capsys: pytest.CaptureFixture[str]) -> None:
    explained("--text", "a good, good but bad thing")
    assert capsys.readouterr().out.splitlines() == [
        "fake: fake probability 0.9526, threshold 0.5000",
        "",
        "a good, good but bad thing",
        "",
        "for fake  log-odds  for genuine  log-odds",
        "good x2      +4.00  bad             -1.00",
        "A weight is what the log-odds of fake, +3.00, lose where ",
        "that part of the text is left out: 7 parts, 8 passes of svm.",
        "They need not sum to anything.",
    ]


def test_standard_input_is_one_review(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"good\r\nbad\n")))
    explained("--text", "-", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["text"], told["words"], told["threshold"]) == ("good\nbad", [[0, 4, 2.0], [5, 8, -1.0]], 0.5)
    assert (told["base"], told["familiar"], told["passes"], told["questions"]) == (None, None, 3, [])


def test_a_files_columns_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explained("--input", reviews(tmp_path), "--output", tmp_path / "out.csv")
    assert capsys.readouterr().err == "1 of 3 reviews has no text: no probability, no label\n"
    with (tmp_path / "out.csv").open(newline="") as file:
        first, empty, formula = csv.DictReader(file)
    assert [first[name] for name in ("id", "text", "user", "label")] == ["007", "good, good and bad", "ann", "fake"]
    assert (first["for_fake"], first["for_genuine"]) == ("4.00 good", "1.00 bad")
    assert json.loads(first["words"])[0] == [0, 4, 2.0]
    assert {empty[name] for name in ("fake_probability", "label", "for_fake", "for_genuine", "words")} == {""}
    assert formula["for_fake"] == "2.00 good"


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "tsv"])
def test_other_files_hold_the_same(tmp_path: Path, ending: str) -> None:
    from reviewtune.data.sources import read_source

    explained("--input", reviews(tmp_path), "--output", tmp_path / f"out.{ending}", "--prefix", "x_")
    rows = read_source(str(tmp_path / f"out.{ending}")).table.to_pylist()
    assert [row["id"] for row in rows] == ["007", "008", "009"]
    words = rows[2]["x_words"]
    if ending == "tsv":
        assert json.loads(words)[1] == [1, 5, 2.0]
    else:
        assert words[1] == {"start": 1, "end": 5, "weight": 2.0}


def test_what_many_reviews_cost_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many.csv"
    path.write_text("text\n" + "good or bad\n" * 20)
    explained("--input", path, "--output", tmp_path / "out.csv", "--most-parts", 2)
    line = "20 reviews by leaving out words: 60 passes of svm; fewer by --most-parts\n"
    assert capsys.readouterr().err == line


def test_lines_of_json_go_to_standard_output(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    explained("--input", reviews(tmp_path), "--json")
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [(row["user"], row["label"]) for row in rows] == [("ann", "fake"), ("bob", None), ("eve", "fake")]


def test_without_an_output_all_rows_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explained("--input", reviews(tmp_path))
    out = capsys.readouterr().out
    assert [line.split("─")[0] for line in out.splitlines() if line.startswith("row")] == ["row 1 ", "row 2 ", "row 3 "]
    assert "row 2 " + "─" * 54 + "\nno text\n" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --text with one review, or --input with a file of them"),
        (["--text", "a", "--input", "b.csv"], "give --text with one review, or --input with a file of them"),
        (["--text", "a", "--output", "b.csv"], "--output goes with --input FILE, and without --json"),
        (["--input", "a.csv", "--json", "--output", "b.csv"], "--output goes with --input FILE, and without --json"),
        (["--text", "a", "--most-parts", "1"], "--most-parts=1"),
        (["--input", "in.csv", "--output", "in.csv"], "is the very file that --input reads"),
        (["--input", "in.csv", "--output", "a.doc"], "--output a.doc: the file's ending must be one of"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews(tmp_path)
    monkeypatch.chdir(tmp_path)
    explained(*words, status=2)
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")


def test_a_text_without_words_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    explained("--text", " \n", status=1)
    assert capsys.readouterr().err == (
        "reviewtune: --text holds no text to explain: give the words of a review, or - for standard input\n"
    )


def example(weights: list[float]) -> Explanation:
    text = " ".join(f"w{number}" for number in range(len(weights)))
    words = tuple(Word(3 * number, 3 * number + 2, weight) for number, weight in enumerate(weights))
    return Explanation(text, words, 1.0, 0.7, "fake", 0.5, None, len(weights) + 1)


@pytest.mark.parametrize("colours", [None, "standard", "truecolor"])
def test_words_are_told_apart_without_colours_too(colours: Any) -> None:
    output = io.StringIO()
    console = Console(file=output, width=60, force_terminal=True, color_system=colours, no_color=colours is None)
    console.print(ExplanationView(example([4.0, 0.2, -1.2, -4.0]), 0.5, "svm"))
    text = output.getvalue()
    # Bold, underlined and maybe in colours; not at all; in italics.
    assert ("\x1b[1;4" in text) is (colours is not None)
    if colours:
        assert " w1 " in text
        assert "\x1b[3mw2\x1b[0m" in text
        assert "Underlined words speak for fake" in text


def test_a_table_of_long_words_fits(tmp_path: Path) -> None:
    text = "x" * 39 + " " + "好" * 3
    words = (Word(0, 39, 1.0), Word(40, 41, -1.0))
    output = io.StringIO()
    found = Explanation(text, words, 1.0, 0.7, "fake", float("nan"), None, 3)
    Console(file=output, width=40).print(ExplanationView(found, 0.5, "svm"))
    assert max(map(len, output.getvalue().splitlines())) <= 40


def test_what_weighs_next_to_nothing_is_not_listed() -> None:
    assert strongest(example([0.004, -0.004])) == ([], [])
    for_fake, for_genuine = strongest(example([0.1, 0.3, -0.2, 0.2]), most=2)
    assert ([each.word for each in for_fake], [each.word for each in for_genuine]) == (["w1", "w3"], ["w2"])
    output = io.StringIO()
    Console(file=output, width=60).print(ExplanationView(example([0.0]), 0.5, "svm"))
    assert "No word by itself moves the log-odds." in output.getvalue()
