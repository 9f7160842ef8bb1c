import io

import pytest
from rich.console import Console

from reviewtune.durations import duration
from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.cells import rate
from reviewtune.leaderboard.terminal import board_table


def printed(board, width):
    output = io.StringIO()
    Console(file=output, width=width, color_system=None).print(board_table(board))
    return output.getvalue()


@pytest.fixture
def board(results_dir, add_entry, add_failed):
    add_entry("qlora", (95, 5, 5, 95), encoder="NovaSearch/stella_en_400M_v5")
    add_entry("logreg", (60, 40, 40, 60), encoder="[bold]/hostile[/bold]")
    add_failed("mlp", error="out of memory")
    return collect(results_dir)


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_every_width_shows_who_leads_and_fits(board, width):
    lines = printed(board, width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    row = next(line for line in lines if line.startswith("1"))
    for expected in ("qlora", "stella_en_400M_v5", "0.9500", "best"):
        assert expected in row
    assert any("failed: out of memory" in line for line in lines)


def test_more_width_shows_more_and_the_widest_everything(board):
    heads = [printed(board, width).splitlines()[1] for width in (60, 80, 100, 140, 200)]
    assert [len(head.split()) for head in heads] == sorted(len(head.split()) for head in heads)
    assert "Recall" not in heads[0]
    assert all("Valid. F1" in head and "Fit" in head for head in heads[1:])
    for title in ("Precision", "Recall", "ROC AUC", "Calib. error", "Default's", "Trials", "Reviews/s", "Study"):
        assert title in heads[-1]


def test_names_are_no_markup(board):
    assert "bold]" in printed(board, 200)


def test_warnings_and_an_empty_board_are_said(results_dir, add_entry):
    add_entry("svm").write_text("{")
    text = printed(collect(results_dir), 300)
    assert "No entries yet" in text
    assert "warning: studies/s1/svm/entry.json is no leaderboard entry" in text
    assert "No entries yet" in printed(Board(()), 60)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.031, "31 ms"), (0.42, "0.4 s"), (52.4, "52 s"), (750, "12.5 min"), (15_258, "4.2 h")],
)
def test_times_are_written_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(8.312, "8.31"), (15.5, "15.5"), (1204.4, "1,204"), (0.5, "0.5")])
def test_rates_keep_three_digits(value, text):
    assert rate(value) == text
