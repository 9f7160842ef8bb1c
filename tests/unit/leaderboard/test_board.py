import pandas as pd
import pytest

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.board import collect, ranked
from reviewtune.leaderboard.cells import NOTHING, objective_text, tie_text
from reviewtune.leaderboard.columns import columns_of
from reviewtune.leaderboard.entry import PREDICTIONS_FILE
from reviewtune.leaderboard.resolution import resolution
from reviewtune.leaderboard.scores import Selection, ValidationScores


def names(entries):
    return [entry.name for entry in entries]


def test_three_families_of_three_scores_are_ranked_by_hand(results_dir, add_entry):
    # F1 = 2 hits / (2 hits + misses + false alarms): 12 / 20, 18 / 20 and 16 / 20.
    add_entry("logreg", (6, 4, 4, 6))
    add_entry("svm", (9, 1, 1, 9))
    add_entry("mlp", (8, 2, 2, 8))
    board = collect(results_dir)
    assert board.warnings == ()
    assert [(entry.rank, entry.family, entry.test.f1) for entry in board.entries] == [
        (1, "svm", pytest.approx(0.9)),
        (2, "mlp", pytest.approx(0.8)),
        (3, "logreg", pytest.approx(0.6)),
    ]


def test_what_selected_ranks_then_the_name_and_never_the_test_split(entries):
    def chosen(family, confusion, validation, selection=None):
        scores = entries("svm").validation.model_copy(update={"f1": validation})
        folds = selection and Selection(f1=selection, standard_error=0.01, folds=5, seeds=1, highest_f1=0.97)
        return entries(family, confusion, validation=scores, selection=folds)

    best, worst = (10, 0, 0, 10), (5, 5, 5, 5)
    order = ranked(
        [
            chosen("a", best, 0.5),
            chosen("c", best, 0.8),
            chosen("b", worst, 0.8),
            chosen("d", best, 0.99, selection=0.7),
            chosen("e", worst, 0.6, selection=0.9),
        ]
    )
    assert [(entry.rank, entry.family) for entry in order] == [(1, "e"), (2, "b"), (3, "c"), (4, "d"), (5, "a")]


def test_entries_of_one_objective_are_ranked_by_it_and_of_several_by_f1(entries):
    """Log loss is the better the lower it is."""
    low, high = (
        entries(name, objective="log_loss", validation=ValidationScores(f1=f1, accuracy=0.9, roc_auc=0.9, value=value))
        for name, f1, value in (("svm", 0.8, 0.2), ("mlp", 0.9, 0.3))
    )
    other = entries("tfidf", validation=ValidationScores(f1=0.85, accuracy=0.9, roc_auc=0.9))
    assert [entry.family for entry in ranked([high, low])] == ["svm", "mlp"]
    assert [entry.family for entry in ranked([high, other, low])] == ["mlp", "tfidf", "svm"]
    assert [objective_text(entry) for entry in (low, other)] == ["log loss 0.2000", NOTHING]
    titles = [[column.title for column in columns_of(each)] for each in ([other], [other, low])]
    assert [own.count("Objective") for own in titles] == [0, 1]
    folds = Selection(f1=0.8, standard_error=0.1, folds=5, seeds=1, highest_f1=0.8, value=0.25, value_error=0.01)
    assert objective_text(low.model_copy(update={"selection": folds})) == "log loss 0.2500 ± 0.0100"


def test_close_entries_are_tied_with_the_best_and_distant_ones_are_not(results_dir, add_entry):
    add_entry("best", (95, 5, 5, 95))
    add_entry("close", (94, 6, 5, 95))
    add_entry("distant", (60, 40, 40, 60))
    assert [(entry.family, entry.tied_with_best) for entry in collect(results_dir).entries] == [
        ("best", True),
        ("close", True),
        ("distant", False),
    ]


def test_an_entry_that_tests_better_than_the_first_is_ahead_and_no_less_tied(results_dir, add_entry, entries):
    chosen = entries("svm").validation.model_copy(update={"f1": 0.99})
    add_entry("first", (60, 40, 40, 60), validation=chosen)
    add_entry("better", (95, 5, 5, 95))
    first, better = collect(results_dir).entries
    assert (first.family, better.rank, better.tied_with_best, tie_text(better)) == ("first", 2, True, "ahead")
    assert better.versus_first.difference == pytest.approx(0.35)
    assert 0 < better.versus_first.low < 0.35 < better.versus_first.high
    assert first.versus_first is None


def test_reviews_that_belong_together_tell_less_apart(results_dir, add_entry):
    add_entry("best", (95, 5, 5, 95), unit=5)
    add_entry("alone", (83, 17, 17, 83), unit=5)
    (together,) = collect(results_dir).groups
    assert [entry.tied_with_best for entry in together.entries] == [True, True]
    for path in results_dir.glob(f"studies/*/*/{PREDICTIONS_FILE}"):
        pd.read_parquet(path).assign(cluster=lambda frame: frame.index).to_parquet(path)
    (apart,) = collect(results_dir).groups
    assert [entry.tied_with_best for entry in apart.entries] == [True, False]
    assert apart.detectable < together.detectable


def test_predictions_of_an_earlier_version_are_compared_review_by_review_and_that_is_said(results_dir, add_entry):
    for name in ("svm", "mlp"):
        path = add_entry(name, (95, 5, 5, 95), unit=10).with_name(PREDICTIONS_FILE)
        pd.read_parquet(path).drop(columns="cluster").to_parquet(path)
    board = collect(results_dir)
    assert [entry.tied_with_best for entry in board.entries] == [True, True]
    (warning,) = board.warnings
    assert "all reviews count as unrelated" in warning


def test_what_a_split_can_show_is_the_middle_of_its_comparisons_and_is_said(results_dir, add_entry):
    add_entry("best", (95, 5, 5, 95))
    add_entry("same", (95, 5, 5, 95))
    (group,) = collect(results_dir).groups
    assert (group.detectable, resolution(group)) == (None, "")
    for family, confusion in (("a", (94, 6, 5, 95)), ("b", (90, 10, 10, 90)), ("c", (70, 30, 30, 70))):
        add_entry(family, confusion)
    (group,) = collect(results_dir).groups
    of_each = [entry.versus_first.detectable for entry in group.entries if entry.family in "abc"]
    assert group.detectable == sorted(of_each)[1]
    assert f"a true difference of {group.detectable:.4f} in F1" in resolution(group)


def test_too_few_units_are_said(results_dir, add_entry, entries):
    test = entries("svm").test.model_copy(update={"f1_rough": True, "num_units": 7})
    add_entry("svm", test=test)
    (group,) = collect(results_dir).groups
    assert resolution(group).startswith("7 units in the test split: too few")


def test_entries_meet_only_within_their_split_and_the_latest_split_leads(results_dir, add_entry):
    add_entry("svm", (9, 1, 1, 9), split="a" * 64, data="old.csv", created="2026-01-01T00:00:00Z")
    add_entry("mlp", (8, 2, 2, 8), split="a" * 64, data="new name.csv", created="2026-01-02T00:00:00Z")
    add_entry("svm", (6, 4, 4, 6), study="s2", split="b" * 64, created="2026-02-01T00:00:00Z")
    board = collect(results_dir)
    assert [(group.split_sha256[0], group.data) for group in board.groups] == [
        ("b", "reviews.csv"),
        ("a", "new name.csv"),
    ]
    assert [(entry.name, entry.rank) for entry in board.entries] == [("s2-svm", 1), ("s1-svm", 1), ("s1-mlp", 2)]


def test_failed_entries_come_last_without_rank_or_tie(results_dir, add_entry, add_failed):
    add_failed("alpha")
    add_entry("zeta", (6, 4, 4, 6))
    board = collect(results_dir)
    assert names(board.entries) == ["s1-zeta", "s1-alpha"]
    assert (board.entries[1].rank, board.entries[1].tied_with_best) == (None, None)
    assert board.warnings == ()


def test_a_split_on_which_everything_failed_is_a_group_all_the_same(results_dir, add_entry, add_failed):
    add_entry("svm")
    add_failed("mlp", split="b" * 64)
    assert sorted(len(group.entries) for group in collect(results_dir).groups) == [1, 1]


def test_an_entry_whose_test_split_is_still_closed_has_no_rank(results_dir, add_entry, add_failed):
    add_entry("open")
    add_entry("closed", test=None)
    add_failed("broken")
    assert [(entry.family, entry.rank) for entry in collect(results_dir).entries] == [
        ("open", 1),
        ("closed", None),
        ("broken", None),
    ]


def test_a_damaged_entry_loses_itself_only(results_dir, add_entry):
    add_entry("svm")
    add_entry("mlp").write_text('{"study_id": "s1')
    board = collect(results_dir)
    assert names(board.entries) == ["s1-svm"]
    (warning,) = board.warnings
    assert warning.startswith("studies/s1/mlp/entry.json is no leaderboard entry")


@pytest.mark.parametrize("damage", ["missing", "garbage", "columns", "twice", "null", "empty"])
def test_an_entry_without_usable_predictions_is_ranked_but_not_compared(results_dir, add_entry, damage):
    add_entry("svm", (9, 1, 1, 9))
    path = add_entry("mlp", (8, 2, 2, 8)).with_name(PREDICTIONS_FILE)
    frame = pd.read_parquet(path)
    match damage:
        case "missing":
            path.unlink()
        case "garbage":
            path.write_bytes(b"no parquet")
        case "columns":
            frame.drop(columns="predicted").to_parquet(path)
        case "twice":
            pd.concat([frame, frame.head(1)]).to_parquet(path)
        case "null":
            frame.astype({"predicted": "boolean"}).assign(predicted=pd.NA).to_parquet(path)
        case "empty":
            frame.head(0).to_parquet(path)
    board = collect(results_dir)
    assert [(entry.family, entry.rank, entry.tied_with_best) for entry in board.entries] == [
        ("svm", 1, True),
        ("mlp", 2, None),
    ]
    (warning,) = board.warnings
    assert warning.startswith("studies/s1/mlp/test_predictions.parquet ")
    assert "\n" not in warning


def test_where_the_bests_predictions_are_missing_nobody_is_compared(results_dir, add_entry):
    add_entry("svm", (9, 1, 1, 9)).with_name(PREDICTIONS_FILE).unlink()
    add_entry("mlp", (8, 2, 2, 8))
    board = collect(results_dir)
    assert [entry.tied_with_best for entry in board.entries] == [True, None]
    assert len(board.warnings) == 1


@pytest.mark.parametrize(("confusion", "reason"), [((8, 2, 2, 9), "same reviews"), ((8, 3, 2, 7), "which reviews")])
def test_predictions_of_other_reviews_are_not_compared(results_dir, add_entry, confusion, reason):
    add_entry("svm", (9, 1, 1, 9))
    add_entry("mlp", confusion)
    board = collect(results_dir)
    assert board.entries[1].tied_with_best is None
    assert reason in board.warnings[0]
    assert board.warnings[0].startswith("s1-mlp was not compared with s1-svm")


def test_an_empty_results_directory_is_an_empty_board_and_none_is_an_error(tmp_path):
    assert collect(tmp_path).groups == ()
    with pytest.raises(ArtifactError, match="run a study first"):
        collect(tmp_path / "nowhere")
