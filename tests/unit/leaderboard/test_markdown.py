import re

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.cells import NOTHING, found_text
from reviewtune.leaderboard.columns import COLUMNS
from reviewtune.leaderboard.entry import read_entry, write_entry
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.scores import Gain, Selection


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
    assert all(len(row) == len(COLUMNS) - 3 for row in rows(text))
    assert r"a\|b\`c \<script\>alert(1)\</script\> \*x\* \[y\](z)" in text
    assert not re.search(r"(?<!\\)<(script|img)", text)


def test_what_was_left_out_is_named(results_dir, add_entry):
    add_entry("svm").write_text("{")
    assert r"studies/s1/svm/entry.json is no leaderboard entry" in markdown(collect(results_dir))


def test_what_selected_what_it_gained_and_what_calibration_can_be_had_stand_in_the_table(
    results_dir, add_entry, entries
):
    test = entries("svm").test.model_copy(update={"ece": 0.02, "ece_floor": 0.0151})
    selection = Selection(f1=0.968, standard_error=0.0021, folds=5, seeds=1, highest_f1=0.97)
    add_entry("svm", test=test, selection=selection, gain=Gain(f1=0.0204, low=-0.001, high=0.0298))
    add_entry("mlp", test=test.model_copy(update={"ece_floor": None}))
    head, _, svm, mlp = ([cell.strip() for cell in row] for row in rows(markdown(collect(results_dir))))
    for title, chosen, other in (
        ("Out-of-fold F1", "0.9680 ± 0.0021", NOTHING),
        ("Gain", "+0.0204 (-0.0010 to +0.0298)", NOTHING),
        ("Calib. error", "0.0200 (0.0151)", "0.0200"),
    ):
        assert (svm[head.index(title)], mlp[head.index(title)]) == (chosen, other)


def test_what_the_split_can_show_stands_under_its_table(results_dir, add_entry):
    add_entry("svm", (95, 5, 5, 95))
    add_entry("mlp", (90, 10, 10, 90))
    (group,) = collect(results_dir).groups
    assert f"\n\nIn eight draws of ten this test split shows a true difference of {group.detectable:.4f}" in markdown(
        collect(results_dir)
    )


def test_fakes_found_at_a_limit_stand_with_their_interval_where_there_is_one(entries):
    entry = entries("svm")
    told = {"tpr_at_fpr_01": 0.844, "tpr_at_fpr_01_low": 0.81, "tpr_at_fpr_01_high": 0.87}
    for fields, text in (
        ({"tpr_at_fpr_01": None}, NOTHING),
        ({"tpr_at_fpr_01": 0.844}, "0.8440"),
        (told, "0.8440 (0.8100\N{EN DASH}0.8700)"),
    ):
        assert found_text(entry.model_copy(update={"test": entry.test.model_copy(update=fields)})) == text
    assert found_text(entry.model_copy(update={"test": None})) == NOTHING


def test_an_operating_point_has_its_column_where_one_was_asked(results_dir, add_entry):
    path = add_entry("svm")
    assert "Operating point" not in markdown(collect(results_dir))
    entry = read_entry(path)
    for fields, text in (
        ({"max_fpr": 0.01}, "FPR ≤ 1 %"),
        ({"prevalence": 0.05}, "5 % fakes"),
        ({"max_fpr": 0.001, "prevalence": 0.125}, "FPR ≤ 0.1 %, 12.5 % fakes"),
    ):
        write_entry(entry.model_copy(update=fields), path)
        head, _, row = ([cell.strip() for cell in row] for row in rows(markdown(collect(results_dir))))
        assert row[head.index("Operating point")] == text
