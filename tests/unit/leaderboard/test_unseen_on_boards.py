"""What a board says of sources that entries were trained without, or cannot say."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.cells import NOTHING
from reviewtune.leaderboard.export import as_frame, export
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.page.render import html_page
from reviewtune.leaderboard.remarks import NOT_TRAINED, ONE_SOURCE
from reviewtune.leaderboard.scores import SourceScores, Unseen
from reviewtune.leaderboard.terminal import board_table

COUNTS = {"num_reviews": 80, "num_fake": 40}
HOTELS = SourceScores(source="hotels", **COUNTS, f1=0.2154, roc_auc=0.606, fpr=0.0312)
SHOPS = SourceScores(source="shops of a long <name>", **COUNTS, f1=0.9, roc_auc=0.95, fpr=0.05)
SITES = SourceScores(source="sites", num_reviews=9, num_fake=0, fpr=0.5)


def printed(board: Board, width: int) -> str:
    output = io.StringIO()
    Console(file=output, width=width, color_system=None).print(board_table(board))
    return output.getvalue()


@pytest.fixture
def board(results_dir: Any, add_entry: Any, add_failed: Any) -> Board:
    add_entry("qlora", (95, 5, 5, 95), unseen=Unseen.of([HOTELS, SHOPS, SITES]))
    add_entry("logreg", (60, 40, 40, 60), unseen=Unseen.of([SHOPS]))
    add_entry("svm", (50, 50, 40, 60))
    add_failed("mlp")
    return collect(results_dir)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_mean_stands_after_the_test_f1_with_the_worst_source_however_narrow(board: Board, width: int) -> None:
    lines = printed(board, width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    head = next(line for line in lines if line.startswith("#"))
    assert head.index("Test F1") < head.index("Unseen F1") < head.index("Tie")
    row = next(line for line in lines if line.startswith("1"))
    assert "0.9500" in row
    assert "0.558 (hotels 0.215)" in row
    assert "0.900 (shops of a long… 0.900)" in next(line for line in lines if line.startswith("2"))


def test_each_source_has_a_column_beneath(board: Board) -> None:
    text = markdown(board)
    after = text[text.index("### Without each source") :]
    assert "| Entry | hotels | shops of a long \\<name\\> | sites |" in after
    assert "| qlora | 0.215 (AUC 0.606, FPR 3.1 %) | 0.900 (AUC 0.950, FPR 5.0 %) | FPR 50.0 % |" in after
    assert f"| logreg | {NOTHING} | 0.900 (AUC 0.950, FPR 5.0 %) | {NOTHING} |" in after
    assert "svm" not in after
    assert '<th scope="row">qlora</th><td>0.215 (AUC' in html_page(board)


def test_programs_get_all_of_it(board: Board, results_dir: Any) -> None:
    export(board, results_dir)
    first, *_ = json.loads((results_dir / "leaderboard.json").read_text())["entries"]
    assert first["unseen"]["worst"] == {"source": "hotels", "f1": 0.2154}
    assert [own["source"] for own in first["unseen"]["sources"]] == ["hotels", SHOPS.source, "sites"]
    assert first["unseen"]["sources"][2]["f1"] is None
    frame = as_frame(board)
    assert frame["unseen_f1"].tolist()[:2] == [pytest.approx((0.2154 + 0.9) / 2), 0.9]
    assert json.loads(frame["unseen_sources"][0])[0]["roc_auc"] == 0.606
    assert json.loads(frame["unseen_worst"][0])["source"] == "hotels"
    assert frame["unseen_f1"].isna().tolist() == [False, False, True, True]


def of_sources(add_entry: Any, entries: Any, number: int | None) -> None:
    provenance = entries("svm").provenance.model_copy(update={"num_sources": number})
    add_entry("svm", provenance=provenance)


@pytest.mark.parametrize(("number", "told"), [(None, ONE_SOURCE), (1, ONE_SOURCE), (3, NOT_TRAINED)])
def test_where_it_is_not_known_one_sentence_says_so_in_place_of_a_column(
    results_dir: Any, add_entry: Any, entries: Any, number: int | None, told: str
) -> None:
    of_sources(add_entry, entries, number)
    board = collect(results_dir)
    for text in (printed(board, 120), markdown(board), html_page(board)):
        assert text.count("Unseen F1") == 1
        assert " ".join(told.split()) in " ".join(text.split())
        assert "Without each source" not in text


def test_where_an_entry_knows_it_nothing_is_said(board: Board) -> None:
    assert "not known" not in printed(board, 140)


def test_a_board_of_failures_says_nothing_of_sources(results_dir: Any, add_failed: Any) -> None:
    results_dir.mkdir()
    add_failed("mlp")
    assert "Unseen" not in markdown(collect(results_dir))
