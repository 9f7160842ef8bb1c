import re

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.columns import COLUMNS
from reviewtune.leaderboard.markdown import markdown


def rows(text):
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]


def test_a_table_a_split_with_a_row_an_entry(results_dir, add_entry, add_failed):
    add_entry("svm", (9, 1, 1, 9))
    add_failed("mlp", error="out of memory")
    add_entry("logreg", split="b" * 64, data="other.csv", created="2025-01-01T00:00:00Z")
    text = markdown(collect(results_dir))
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## reviews.csv (split aaaaaaaa)",
        "## other.csv (split bbbbbbbb)",
    ]
    table = rows(text)
    assert len(table) == 4 + 3
    assert [cell.strip() for cell in table[2][:4]] == ["1", "svm", "owner/base-model", "0.9000"]
    assert "- mlp (s1) failed: out of memory" in text


def test_names_cannot_break_out_of_their_cells(results_dir, add_entry):
    add_entry("svm", encoder="a|b`c\n<script>alert(1)</script> *x* [y](z)", data="# x | y\n\n<img>")
    text = markdown(collect(results_dir))
    assert all(len(row) == len(COLUMNS) for row in rows(text))
    assert r"a\|b\`c \<script\>alert(1)\</script\> \*x\* \[y\](z)" in text
    assert not re.search(r"(?<!\\)<(script|img)", text)


def test_what_was_left_out_is_named(results_dir, add_entry):
    add_entry("svm").write_text("{")
    assert r"studies/s1/svm/entry.json is no leaderboard entry" in markdown(collect(results_dir))
