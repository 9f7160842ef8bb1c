import io
import json

import pandas as pd
import pytest

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.board import Board, Group, collect
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.export import as_frame, export
from reviewtune.leaderboard.frame import DTYPES, _column_types


@pytest.fixture
def board(results_dir, add_entry, add_failed):
    add_entry("svm", (9, 1, 1, 9))
    add_entry("logreg", (6, 4, 4, 6), encoder=None)
    add_failed("mlp")
    return collect(results_dir)


def test_the_four_files_are_written_and_nothing_else(board, results_dir):
    paths = export(board, results_dir)
    assert [path.name for path in paths] == [f"leaderboard.{kind}" for kind in ("json", "csv", "md", "html")]
    assert all(path.stat().st_size > 100 for path in paths)
    assert {path.name for path in results_dir.iterdir()} == {path.name for path in paths} | {"studies"}
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in export(collect(results_dir), results_dir)] == before


def test_a_place_that_takes_no_file_is_said_in_one_line(board, results_dir):
    (results_dir / "leaderboard.csv").mkdir()
    with pytest.raises(ArtifactError, match=r"leaderboard.csv cannot be written \(.*\): make room"):
        export(board, results_dir)
    assert not list(results_dir.glob("*.partial"))


def test_the_json_keeps_its_contract(board, results_dir):
    document = json.loads(export(board, results_dir)[0].read_text())
    assert list(document) == ["schema", "splits", "entries"]
    (split,) = document["splits"]
    assert (split["split_sha256"], split["data"], split["num_units"]) == ("a" * 64, "reviews.csv", 20)
    assert split["detectable_difference"] == board.groups[0].detectable > 0
    assert document["schema"] == 1
    assert [(entry["rank"], entry["family"], entry["status"]) for entry in document["entries"]] == [
        (1, "svm", "finished"),
        (2, "logreg", "finished"),
        (None, "mlp", "failed"),
    ]
    first = document["entries"][0]
    assert first["test"]["f1"] == pytest.approx(0.9)
    assert first["params"] == {"C": 1.5, "kernel": "rbf"}
    assert first["tied_with_best"] is True
    assert first["cost"]["fit_seconds"] == 1.5
    assert first["provenance"]["split_sha256"] == "a" * 64
    assert [Entry.model_validate(entry) for entry in document["entries"]] == list(board.entries)


def test_the_csv_comes_back_as_the_frame(board, results_dir):
    path = export(board, results_dir)[1]
    frame = as_frame(board)
    types = {name: DTYPES.get(kind, "string") for name, kind in _column_types().items()}
    pd.testing.assert_frame_equal(pd.read_csv(path, dtype=types), frame)
    plain = pd.read_csv(path)
    assert plain["test_f1"].round(9).tolist()[:2] == [0.9, 0.6]
    assert json.loads(plain["params"][0]) == {"C": 1.5, "kernel": "rbf"}


def test_the_frame_is_flat_with_a_row_an_entry_and_gaps_where_one_failed(board):
    frame = as_frame(board)
    assert frame["family"].tolist() == ["svm", "logreg", "mlp"]
    assert frame["cost_fit_seconds"].tolist()[:2] == [1.5, 1.5]
    assert frame["test_true_positives"].tolist()[:2] == [9, 6]
    assert frame["test_f1"].isna().tolist() == [False, False, True]
    assert frame["encoder"].isna().tolist() == [False, True, False]
    assert "trials" not in frame


def test_an_empty_board_has_the_same_columns_and_exports(tmp_path, board):
    empty = Board(())
    assert as_frame(empty).dtypes.equals(as_frame(board).dtypes)
    texts = [path.read_text() for path in export(empty, tmp_path)]
    assert json.loads(texts[0]) == {"schema": 1, "splits": [], "entries": []}
    assert pd.read_csv(io.StringIO(texts[1])).empty
    assert "No entries yet" in texts[2]
    assert "No entries yet" in texts[3]


def test_a_board_that_cannot_be_written_leaves_the_old_files(board, results_dir, entries):
    paths = export(board, results_dir)
    before = [path.read_bytes() for path in paths]
    with pytest.raises(ValueError, match="serialize"):
        export(Board((Group("a" * 64, (entries("svm", params={"C": object()}),)),)), results_dir)
    assert [path.read_bytes() for path in paths] == before
    assert not list(results_dir.glob("*.partial"))


def test_a_param_that_json_has_no_number_for_is_null(tmp_path, entries):
    board = Board((Group("a" * 64, (entries("svm", params={"C": float("inf")}),)),))
    text = export(board, tmp_path)[0].read_text()
    assert json.loads(text, parse_constant=pytest.fail)["entries"][0]["params"] == {"C": None}
