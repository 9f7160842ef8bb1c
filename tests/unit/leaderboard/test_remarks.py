"""What stands under a board beside its resolution and what is known of unseen sources."""

import io
from typing import Any

from rich.console import Console

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.remarks import remarks
from reviewtune.leaderboard.terminal import board_table

PART = (
    "Trained on a part of the reviews, drawn by class: svm on 12%, mlp on 50%; a fit of all takes more memory than "
    "there was."
)


def test_entries_that_trained_on_a_part_of_the_reviews_are_named(results_dir: Any, add_entry: Any) -> None:
    add_entry("svm", (95, 5, 5, 95), trained_share=0.1234)
    add_entry("mlp", (90, 10, 10, 90), trained_share=0.5)
    add_entry("tfidf", (80, 20, 20, 80))
    board = collect(results_dir)
    assert PART in remarks(board.groups[0])
    assert PART in markdown(board)


def test_nothing_is_said_where_all_trained_on_all(results_dir: Any, add_entry: Any) -> None:
    add_entry("svm", (95, 5, 5, 95))
    assert not any("part of the reviews" in text for text in remarks(collect(results_dir).groups[0]))


def test_a_family_of_anothers_results_steers_nothing(results_dir: Any, add_entry: Any) -> None:
    add_entry("<b>\x1b]0;gone", (95, 5, 5, 95), trained_share=0.5)
    board = collect(results_dir)
    output = io.StringIO()
    Console(file=output, width=100, color_system=None).print(board_table(board))
    for shown in (markdown(board), output.getvalue()):
        assert "\x1b" not in shown
    assert "<b>" not in markdown(board)
