"""Tables under the board, in each of its readable forms."""

import io

import pytest
from rich.console import Console

from reviewtune.evaluation.elsewhere import ElsewhereScores
from reviewtune.evaluation.robustness import VariantScores
from reviewtune.leaderboard import side_tables
from reviewtune.leaderboard.board import Board, Group, collect
from reviewtune.leaderboard.cells import NOTHING
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.page.render import html_page
from reviewtune.leaderboard.side_tables import SideTable, elsewhere_text
from reviewtune.leaderboard.terminal import board_table


@pytest.fixture
def board(results_dir, add_entry, monkeypatch: pytest.MonkeyPatch) -> Board:
    add_entry("qlora", (95, 5, 5, 95))
    add_entry("logreg", (60, 40, 40, 60))

    def hostile(group: Group) -> SideTable:
        rows = tuple((entry.family, "0.215", "<b>|x|</b>") for entry in group.entries)
        return SideTable("test", "On other [reviews]", "What it means.", ("Entry", "hotels", "<i>|shop</i>"), rows)

    monkeypatch.setattr(side_tables, "MAKERS", (hostile, lambda group: None))
    return collect(results_dir)


def test_markdown_has_it_under_the_board(board: Board) -> None:
    text = markdown(board)
    after = text[text.index("### On other") :]
    assert "| Entry | hotels | \\<i\\>\\|shop\\</i\\> |\n| --- | ---: | ---: |\n| qlora | 0.215 | " in after
    assert "<b>" not in after
    assert "<i>" not in after


def test_the_page_has_it_under_the_board(board: Board) -> None:
    page = html_page(board)
    assert "<h3>On other [reviews]</h3>" in page
    assert '<tr><th scope="row">qlora</th><td>0.215</td><td>&lt;b&gt;|x|&lt;/b&gt;</td></tr>' in page


@pytest.mark.parametrize("width", [30, 60, 120])
def test_a_terminal_of_any_width_has_all_of_it(board: Board, width: int) -> None:
    output = io.StringIO()
    Console(file=output, width=width, color_system=None).print(board_table(board))
    lines = output.getvalue().splitlines()
    after = lines[next(place for place, line in enumerate(lines) if "On other [reviews]" in line) :]
    assert max(len(line.rstrip()) for line in after) <= width
    assert "What it means." in after
    assert "".join("".join(after).split()).count("0.215") == 2


def test_what_is_said_of_scores_elsewhere() -> None:
    counts = {"num_reviews": 80, "num_fake": 40}
    both = ElsewhereScores(**counts, f1=0.2154, roc_auc=0.606, fpr=0.0312)
    assert elsewhere_text(both) == "0.215 (AUC 0.606, FPR 3.1 %)"
    assert elsewhere_text(ElsewhereScores(**counts, fpr=0.5)) == "FPR 50.0 %"
    assert elsewhere_text(ElsewhereScores(**counts, recall=0.25)) == "recall 0.250"


def scored(f1: float) -> VariantScores:
    return VariantScores(num_reviews=1000, f1=f1, recall=0.5, fpr=0.1)


def test_looks_are_a_row_an_entry_with_what_they_lose(results_dir, add_entry) -> None:
    looks = {"homoglyphs": scored(0.9534), "plain": scored(0.9531), "alike": scored(0.8011)}
    add_entry("tfidf", (95, 5, 5, 95), robustness=looks)
    add_entry("svm", (90, 10, 10, 90), robustness={"plain": scored(0.9), "alike": scored(0.9)})
    add_entry("mlp", (80, 20, 20, 80))
    (table,) = side_tables.side_tables(collect(results_dir).groups[0])
    assert table.head == ("Entry", "Reviews", "As is", "Alike", "Other letters")
    assert table.rows == (
        ("tfidf", "1,000", "0.953", "0.801 (-0.152)", "0.953 (+0.000)"),
        ("svm", "1,000", "0.900", "0.900 (+0.000)", NOTHING),
    )


def test_entries_of_earlier_versions_have_no_table_of_looks(results_dir, add_entry) -> None:
    add_entry("tfidf")
    assert side_tables.side_tables(collect(results_dir).groups[0]) == []
