"""Names from outside do nothing to whoever reads a board, in whichever of its forms."""

import csv
import io

import pytest
from rich.console import Console

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.terminal import board_table

STEERING = "\x1b]0;gone\x07 \u202eevil\u2066 \x9b31m"
FORMULA = '=HYPERLINK("https://example.com")'


@pytest.fixture
def forms(results_dir, add_entry, add_failed):
    add_entry("svm", data=FORMULA, encoder=STEERING, params={"kernel": STEERING})
    add_failed("mlp", data=FORMULA, error=f"{STEERING} <img src=x>")
    board = collect(results_dir)
    out = io.StringIO()
    Console(file=out, width=200).print(board_table(board))
    return {"terminal": out.getvalue(), **{path.suffix[1:]: path.read_text() for path in export(board, results_dir)}}


@pytest.mark.parametrize("form", ["csv", "md", "html", "terminal"])
def test_nothing_steers_a_terminal_or_turns_writing_round(forms, form):
    assert not set("\x1b\x07\x9b\u202e\u2066") & set(forms[form])
    assert "evil" in forms[form]


def test_no_cell_of_the_csv_is_a_formula(forms):
    rows = list(csv.DictReader(io.StringIO(forms["csv"])))
    assert rows[0]["provenance_data"] == f"'{FORMULA}"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "@", "\t", "\r")]


def test_the_json_keeps_names_as_they_are_in_ascii(forms):
    assert forms["json"].isascii()
    assert "\\u202eevil" in forms["json"]
