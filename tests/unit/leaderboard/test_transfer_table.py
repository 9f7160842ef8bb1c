"""What entries do elsewhere, on the board."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.evaluation.transfer import TRANSFER_FILE, TransferScores, write_transfer
from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.side_tables import side_tables, transfer_table
from reviewtune.leaderboard.terminal import board_table
from reviewtune.schema import ARTIFACT_FILE

FAKE = np.repeat([True, False], 20)
PROBABILITY = np.linspace(0.9, 0.1, 40)


def row(name: str, *, of: Any = slice(None), **changes: Any) -> TransferScores:
    scores = elsewhere_scores(FAKE[of], PROBABILITY[of], PROBABILITY[of] > 0.6, np.arange(40)[of])
    about = {"name": name, "data": f"{name}.csv", "data_sha256": "a" * 64, "threshold": 0.6}
    return TransferScores(**(scores.model_dump() | about | changes))


@pytest.fixture
def keep(results_dir: Path) -> Any:
    def write(folder: str, *rows: TransferScores) -> Path:
        artifact = results_dir / "artifacts" / folder
        artifact.mkdir(parents=True)
        (artifact / ARTIFACT_FILE).write_text('{"threshold": 0.6}')
        write_transfer(artifact, rows)
        return artifact

    return write


@pytest.fixture
def board(results_dir: Path, add_entry: Any, add_failed: Any, keep: Any) -> Board:
    add_entry("qlora", (95, 5, 5, 95))
    add_entry("tfidf", (90, 10, 10, 90))
    add_entry("rules", (60, 40, 40, 60))
    add_failed("svm")
    keep("s1-qlora", row("hotels"), row("fakes", of=FAKE), row("old", threshold=0.5))
    keep("s1-tfidf", row("genuine", of=~FAKE), row("hotels", data_sha256="b" * 64))
    return collect(results_dir)


def test_a_row_an_entry_a_column_a_source(board: Board) -> None:
    (table,) = side_tables(board.groups[0])
    assert (table.key, table.title) == ("transfer", "On other reviews")
    assert table.head == ("Entry", "hotels (aaaaaaaa)", "fakes", "genuine", "hotels (bbbbbbbb)")
    assert table.rows == (
        ("qlora", "0.857 (AUC 1.000, FPR 0.0 %)", "recall 0.750", "–", "–"),  # noqa: RUF001
        ("tfidf", "–", "–", "FPR 0.0 %", "0.857 (AUC 1.000, FPR 0.0 %)"),  # noqa: RUF001
        ("rules", "–", "–", "–", "–"),  # noqa: RUF001
    )
    assert table.meaning.endswith(
        "hotels (aaaaaaaa): 40 reviews of hotels.csv, 20 fake; fakes: 20 reviews of fakes.csv, 20 fake; "
        "genuine: 20 reviews of genuine.csv, 0 fake; hotels (bbbbbbbb): 40 reviews of hotels.csv, 20 fake."
    )


def test_there_is_no_table_where_nothing_was_scored(results_dir: Path, add_entry: Any) -> None:
    add_entry("tfidf")
    assert transfer_table(collect(results_dir).groups[0]) is None


def test_the_json_and_the_csv_have_the_rows_of_the_present_threshold(board: Board, results_dir: Path) -> None:
    paths = export(board, results_dir)
    first, _, third, *_ = json.loads(paths[0].read_text())["entries"]
    assert [each["name"] for each in first["transfer"]] == ["hotels", "fakes"]
    assert first["transfer"][0]["f1"] == pytest.approx(30 / 35)
    assert first["transfer"][1]["recall"] == 0.75
    assert first["transfer"][1]["f1"] is None
    assert third["transfer"] == []
    table = pd.read_csv(paths[1])
    assert json.loads(table["transfer"][0]) == first["transfer"]


def test_entries_of_two_studies_are_told_apart(results_dir: Path, add_entry: Any, keep: Any) -> None:
    for study in ("s1", "s2"):
        add_entry("tfidf", study=study)
        keep(f"{study}-tfidf", row("hotels"))
    (table,) = side_tables(collect(results_dir).groups[0])
    assert [cells[0] for cells in table.rows] == ["tfidf (s1)", "tfidf (s2)"]


@pytest.mark.parametrize("damage", ["", '{"transfer": [{"f1": NaN}]}'])
def test_a_damaged_file_is_a_warning_and_costs_its_rows_alone(board: Board, results_dir: Path, damage: str) -> None:
    (results_dir / "artifacts" / "s1-qlora" / TRANSFER_FILE).write_text(damage)
    after = collect(results_dir)
    (warning,) = after.warnings
    assert warning.startswith("artifacts/s1-qlora/transfer.json is damaged (transfer.json: ")
    assert [len(entry.transfer) for entry in after.entries] == [0, 2, 0, 0]
    assert [entry.name for entry in after.entries] == [entry.name for entry in board.entries]


def test_names_of_others_break_out_of_nothing(results_dir: Path, add_entry: Any, keep: Any) -> None:
    add_entry("tfidf")
    keep("s1-tfidf", row("[red]<b>|x|</b>", data="*<i>.csv"))
    board = collect(results_dir)
    text = markdown(board)
    assert "<b>" not in text
    assert "<i>" not in text
    assert "\\[red\\]\\<b\\>\\|x\\|\\</b\\>" in text
    output = io.StringIO()
    Console(file=output, width=100, color_system=None).print(board_table(board))
    assert "[red]<b>|x|</b>: 40 reviews of *<i>.csv" in " ".join(output.getvalue().split())
