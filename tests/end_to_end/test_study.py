"""`reviewtune tune` from a csv to the leaderboard, and what a user does with the result."""

import csv
import io
import json
import re
import sqlite3
from pathlib import Path

import numpy as np
import optuna
import pyarrow.parquet as pq
import pytest

import reviewtune as api
from reviewtune.cli import main
from tests.end_to_end.conftest import Program, StudyRun

FAMILIES = {"tfidf", "logreg", "qlora"}
ENTRIES = FAMILIES | {"ensemble"}
FAILED = "mlp"
"""Its learning rate is absurd."""


def test_every_family_is_on_the_board_with_its_scores_and_cost(study: StudyRun) -> None:
    assert study.program.code == 0, study.program.err
    assert set(study.entries) == ENTRIES | {FAILED}
    ranked = sorted((study.entries[family] for family in ENTRIES), key=lambda entry: entry["rank"])
    assert [entry["rank"] for entry in ranked] == [1, 2, 3, 4]
    chosen = [(entry["selection"] or entry["validation"])["f1"] for entry in ranked]
    assert chosen == sorted(chosen, reverse=True)
    first = ranked[0]
    for entry in ranked:
        assert entry["status"] == "finished"
        assert entry["num_failed_trials"] == 0
        assert entry["test"]["f1_low"] <= entry["test"]["f1"] <= entry["test"]["f1_high"]
        assert (
            0
            < entry["test"]["num_units"]
            <= sum(
                entry["test"][f"{truth}_{kind}"] for truth in ("true", "false") for kind in ("positives", "negatives")
            )
        )
        assert entry["rank"] == 1 or entry["versus_first"]["difference"] == pytest.approx(
            entry["test"]["f1"] - first["test"]["f1"]
        )
        assert 0 <= entry["validation"]["f1"] <= 1
        assert entry["cost"]["fit_seconds"] > 0
        assert entry["cost"]["reviews_per_second"] > 0
        assert (study.results / entry["artifact"] / "reviewtune.json").is_file()
    for family in FAMILIES:
        entry = study.entries[family]
        assert entry["num_trials"] == 2
        assert entry["trials"][0]["f1"] == entry["default_validation_f1"]


def test_folds_of_all_development_rows_have_chosen_and_what_they_said_calibrates(study: StudyRun) -> None:
    """Each row of train and validation is held out once; what is shipped has been trained on all of them."""
    (split,) = (study.results / "store" / "splits").glob("*.parquet")
    rows = pq.read_table(split).to_pylist()
    development = {row["id"] for row in rows if row["split"] != "test"}
    for family in FAMILIES:
        entry = study.entries[family]
        folder = study.results / "studies" / entry["study_id"] / family
        chosen = entry["selection"]
        assert (chosen["folds"], chosen["seeds"]) == (2, 1)
        assert chosen["f1"] <= chosen["highest_f1"]
        assert entry["gain"] is None or entry["gain"]["low"] <= entry["gain"]["f1"] <= entry["gain"]["high"]
        judged = pq.read_table(folder / "validation_predictions.parquet")
        assert set(judged["id"].to_pylist()) == development
        card = json.loads((study.results / entry["artifact"] / "reviewtune.json").read_text())
        assert card["validation_f1"] == chosen["f1"]
        finalists = [json.loads(path.read_text()) for path in (folder / "finalists").glob("*.json")]
        assert {record["fold"] for record in finalists} >= {f"{fold} of 2, seed 1" for fold in (1, 2)}
        assert any(record["fold"] == "everything" for record in finalists) == (family == "qlora")


def test_the_ensemble_holds_its_members_and_says_what_they_took(study: StudyRun) -> None:
    entry = study.entries["ensemble"]
    weights = {name: weight for name, weight in entry["params"].items() if name != "intercept"}
    assert min(weights.values()) > 0
    members = [study.entries[name] for name in weights]
    assert {path.name for path in (study.results / entry["artifact"] / "members").iterdir()} == set(weights)
    assert entry["num_trials"] == sum(member["num_trials"] for member in members)
    for seconds in ("fit_seconds", "study_seconds"):
        assert entry["cost"][seconds] == pytest.approx(sum(member["cost"][seconds] for member in members))


def test_the_board_comes_in_four_forms_and_on_the_terminal(study: StudyRun) -> None:
    for form in ("json", "csv", "md", "html"):
        assert (study.results / f"leaderboard.{form}").stat().st_size > 500
    best = min((study.entries[family] for family in ENTRIES), key=lambda entry: entry["rank"])
    assert f"{best['test']['f1']:.4f}" in study.program.out
    figures = {path.name for path in (study.results / "figures").rglob("*.*")}
    assert {"intervals.svg", "pareto.png", "confusion.png", "thresholds.svg"} <= figures
    assert "near-duplicate" in study.program.err


def test_what_there_is_to_look_at_lies_beside_each_entry(study: StudyRun) -> None:
    (split,) = (study.results / "store" / "splits").glob("*.parquet")
    split_of = {row["id"]: row["split"] for row in pq.read_table(split).to_pylist()}
    board = (study.results / "leaderboard.html").read_text() + (study.results / "leaderboard.json").read_text()
    scored = {name: entry for name, entry in study.entries.items() if name != FAILED}
    assert len(scored) == 4
    for name, entry in scored.items():
        looks = entry["robustness"]
        assert set(looks) == {"plain", "alike", "typos", "word_swaps", "truncation", "homoglyphs"}
        # All of the test split is smaller than a sample would be, so this is its F1 once more.
        assert looks["plain"]["f1"] == pytest.approx(entry["test"]["f1"])
        assert looks["plain"]["num_reviews"] == sum(split == "test" for split in split_of.values())
        folder = study.results / "studies" / entry["study_id"] / name
        parts = json.loads((folder / "slices.json").read_text())
        assert {part["kind"] for part in parts["slices"]} | set(parts["too_small"]) == {"rating", "length"}
        errors = list(csv.DictReader((folder / "errors.csv").open(newline="")))
        wrong = entry["test"]["false_positives"] + entry["test"]["false_negatives"]
        assert len(errors) == min(wrong, 20)
        suspected = list(csv.DictReader((folder / "label_issues.csv").open(newline="")))
        assert {split_of[row["id"]] for row in errors} <= {"test"}
        assert "test" not in {split_of[row["id"]] for row in suspected}
        assert not any(row["text"][:60] in board for row in [*errors, *suspected])
    assert "When the same reviews look otherwise" in study.program.out
    assert "errors.csv, label_issues.csv in " in study.program.out


def test_optuna_finds_the_studies_and_the_default_came_first(study: StudyRun) -> None:
    storage = f"sqlite:///{study.results / 'studies.db'}"
    names = optuna.get_all_study_names(storage)
    assert {name.rpartition("/")[2] for name in names} == FAMILIES | {FAILED}
    (tfidf,) = [name for name in names if name.endswith("/tfidf")]
    first = optuna.load_study(study_name=tfidf, storage=storage).trials[0]
    assert (first.params["analyzer"], first.params["lowercase"]) == ("char+word", False)


def test_the_same_command_again_trains_and_encodes_nothing(study: StudyRun, reviewtune: Program) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in study.results.rglob("*") if path.suffix in (".parquet", ".skops")
    }
    again = reviewtune(*study.words)
    assert again.code == 0, again.err
    assert len(list(study.results.glob("studies/*/*/looks.parquet"))) == len(FAMILIES)
    assert "tuning" not in again.err
    assert "finalists" not in again.err
    assert again.out == study.program.out
    for path in (study.results / "store" / "embeddings").rglob("*.parquet"):
        assert path.stat().st_mtime_ns == before[path]
    for path in study.results.rglob("model.skops"):
        assert path.stat().st_mtime_ns == before[path]


@pytest.mark.slow
def test_more_trials_go_on_in_the_same_study(study: StudyRun, reviewtune: Program, tmp_path: Path) -> None:
    words = ["3" if word == "2" else "tfidf" if word.startswith("tfidf,") else word for word in study.words]
    assert reviewtune(*words).code == 0
    assert study.entries["tfidf"]["num_trials"] == 3
    assert study.entries["logreg"]["num_trials"] == 2


IN_A_FRESH_PROCESS = [
    pytest.param(family, marks=() if family in ("tfidf", "ensemble") else pytest.mark.slow)
    for family in sorted(ENTRIES)
]
"""The ensemble loads all the others too."""


@pytest.mark.parametrize("family", IN_A_FRESH_PROCESS)
def test_an_artifact_predicts_in_a_fresh_process_what_was_evaluated(
    study: StudyRun, reviewtune: Program, tmp_path: Path, family: str
) -> None:
    entry = study.entries[family]
    predictions = pq.read_table(study.results / "studies" / entry["study_id"] / family / "test_predictions.parquet")
    (split,) = (study.results / "store" / "splits").glob("*.parquet")
    cluster = {row["id"]: row["cluster"] for row in pq.read_table(split).to_pylist()}
    assert predictions["cluster"].to_pylist() == [cluster[review] for review in predictions["id"].to_pylist()]
    (store,) = (study.results / "store" / "reviews").glob("*.parquet")
    texts = {row["id"]: row["text"] for row in pq.read_table(store).to_pylist()}
    ids = predictions["id"].to_pylist()[:20]
    given = tmp_path / "reviews.jsonl"
    given.write_text("".join(json.dumps({"text": texts[review]}) + "\n" for review in ids))
    folder = study.results / entry["artifact"]
    output = tmp_path / "labels.csv"
    done = reviewtune("predict", "--artifact", folder, "--input", given, "--output", output)
    assert done.code == 0, done.err
    rows = list(csv.DictReader(output.open()))
    expected = predictions.slice(0, 20).to_pylist()
    np.testing.assert_allclose(
        [float(row["fake_probability"]) for row in rows], [row["fake_probability"] for row in expected], atol=1e-4
    )
    assert [row["label"] for row in rows] == ["fake" if row["predicted"] else "genuine" for row in expected]


def test_predict_reads_standard_input_and_writes_standard_output(study: StudyRun, reviewtune: Program) -> None:
    folder = study.results / study.entries["tfidf"]["artifact"]
    done = reviewtune(
        "predict", "--artifact", folder, "--input", "-", stdin='It broke after two days.\nI love it, "really"!\n'
    )
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [set(row) for row in rows] == [{"text", "fake_probability", "label", "familiar"}] * 2


def test_no_artifact_holds_a_pickle(study: StudyRun) -> None:
    files = [path for path in (study.results / "artifacts").rglob("*") if path.is_file()]
    assert files
    assert {path.suffix for path in files} <= {".json", ".md", ".safetensors", ".skops"}


def test_the_python_functions_say_the_same(study: StudyRun) -> None:
    frame = api.leaderboard(study.results)
    assert set(frame["family"]) == ENTRIES | {FAILED}
    probability = api.load(study.results / study.entries["logreg"]["artifact"]).predict_proba(["Fine.", "Great tent!"])
    assert probability.shape == (2, 2)
    np.testing.assert_allclose(probability.sum(1), 1)


def test_evaluate_scores_an_artifact_on_labelled_reviews(
    study: StudyRun, reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.results / study.entries["tfidf"]["artifact"]
    assert main(["evaluate", "--artifact", str(folder), "--data", str(reviews_csv)]) == 0
    assert "the data it was trained on: these scores flatter it" in capsys.readouterr().out
    some = tmp_path / "some.csv"
    some.write_text("".join(reviews_csv.read_text().splitlines(keepends=True)[:41]))
    assert main(["evaluate", "--artifact", str(folder), "--data", str(some)]) == 0
    told = capsys.readouterr().out
    assert re.search(r", (3\d|40) of them texts that its study has: these scores flatter it", " ".join(told.split()))


def test_a_family_whose_trials_fail_is_recorded_and_hurts_nobody(study: StudyRun) -> None:
    """QLoRA's are those of `test_small_studies.py`."""
    failed = study.entries[FAILED]
    assert (failed["status"], failed["num_trials"], failed["num_failed_trials"]) == ("failed", 2, 2)
    assert "learning rate" in failed["error"]
    assert {study.entries[family]["status"] for family in ENTRIES} == {"finished"}
    assert FAILED not in study.entries["ensemble"]["params"]


def test_the_storage_is_a_plain_sqlite_file(study: StudyRun) -> None:
    with sqlite3.connect(study.results / "studies.db") as connection:
        (number,) = connection.execute("select count(*) from trials").fetchone()
    assert number >= 2 * len(FAMILIES)
