"""Slices beside an entry, on the page."""

from pathlib import Path

import pytest

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.slices import Share, Slice, Slices
from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.cells import NOTHING
from reviewtune.leaderboard.entry import SLICES_FILE
from reviewtune.leaderboard.page.render import html_page
from reviewtune.leaderboard.parts import MOST_SHOWN, parts_of, read_slices

SHARE = Share(value=0.8524, low=0.71, high=0.934)


def slice_of(value: str, **changes) -> Slice:
    return Slice(
        **({"kind": "category", "value": value, "num_reviews": 1234, "num_fake": 40, "recall": SHARE} | changes)
    )


def test_a_part_is_a_row_for_people() -> None:
    found = parts_of(Slices(slices=(slice_of("Pets", f1=0.91239, fpr=SHARE, worse=True), slice_of("Books"))))
    assert found is not None
    share = "85.2 % (71.0 to 93.4)"
    assert found.rows == (
        ("category: Pets", "1,234", "40", "0.912", share, share),
        ("category: Books", "1,234", "40", NOTHING, share, NOTHING),
    )
    assert (found.worse, found.rest) == ((True, False), "")


def test_what_is_not_shown_is_told() -> None:
    many = tuple(slice_of(f"{number}") for number in range(MOST_SHOWN + 3))
    found = parts_of(Slices(slices=many, too_small={"category": (7, 1100), "rating": (1, 3)}))
    assert found is not None
    assert len(found.rows) == len(found.worse) == MOST_SHOWN
    assert found.rest == (
        "3 better parts are in slices.json. With fewer than 20 reviews of either class, too few to say: "
        "7 more by category (1,100), 1 more by rating (3)."
    )


def test_nothing_is_no_table(tmp_path: Path) -> None:
    assert parts_of(None) is None
    assert parts_of(Slices(too_small={"category": (7, 50)})) is None
    assert read_slices(tmp_path / "slices.json") is None


def test_the_page_has_them_and_their_names_stay_text(results_dir, add_entry) -> None:
    hostile = "<script>|x|</script>"
    path = add_entry("svm").with_name(SLICES_FILE)
    add_entry("mlp")
    path.write_text(Slices(slices=(slice_of(hostile, worse=True), slice_of("Books"))).model_dump_json())
    page = html_page(collect(results_dir))
    assert page.count('<table class="side parts">') == 1
    assert 'category: &lt;script&gt;|x|&lt;/script&gt; <span class="warn">worse</span></th><td>1,234</td>' in page
    assert "category: Books</th>" in page
    assert hostile not in page


def test_damaged_slices_leave_the_entry_on_the_board(results_dir, add_entry) -> None:
    path = add_entry("svm").with_name(SLICES_FILE)
    path.write_text("{")
    with pytest.raises(ArtifactError, match=r"slices\.json cannot be read"):
        read_slices(path)
    board = collect(results_dir)
    assert [entry.family for entry in board.entries] == ["svm"]
    assert board.warnings == ("studies/s1/svm/slices.json cannot be read: run its study again",)
