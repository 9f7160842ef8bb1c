"""Whole studies in this process, on a base model of no use: what a study keeps, says and does not do twice.

They are small enough to judge mutants by, for which they are run, and need no base model of anybody's.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

import reviewtune
from reviewtune.config import StudyConfig
from reviewtune.leaderboard.explained_errors import read_explanations
from reviewtune.progress_note import read_progress
from reviewtune.tuning.error_words import MOST_PARTS
from tests.end_to_end.in_process import EPOCHS, FAMILIES, Told, run, small_config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_ray")]

TRIALS = 3


@pytest.fixture(scope="module")
def study(one_ray: None, tiny_base: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A text family and QLoRA, three trials each, and their ensemble."""
    folder, families = tmp_path_factory.mktemp("study"), [*FAMILIES, "ensemble"]
    return run(small_config(folder, tiny_base("bert"), families=families, num_trials=TRIALS))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_trial_has_its_record(study: Told, family: str) -> None:
    records = study.records(family)
    assert [record["number"] for record in records] == [1, 2, 3]
    assert {record["status"] for record in records} <= {"finished", "stopped"}
    assert sum(record["is_default"] for record in records) == 1
    assert len({record["study_key"] for record in records}) == 1
    assert records[0]["study_key"]
    for record in records:
        assert (record["error"], record["device"]) == (None, "cpu")
        assert record["peak_memory_bytes"] > 1_000_000
        epochs = [epoch["epoch"] for epoch in record["epochs"]]
        assert epochs == [1.0, 2.0][: len(epochs)]
        assert record["status"] == "stopped" or len(epochs) == (EPOCHS if family == "qlora" else 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_entry_is_of_the_best_trial_on_validation(study: Told, family: str) -> None:
    entry, records = study.entries[family], study.records(family)
    best = max(epoch["f1"] for record in records for epoch in record["epochs"])
    selected = next(record for record in records if record["trial_id"] == entry["trial_id"])
    (default,) = [record for record in records if record["is_default"]]
    assert entry["validation"]["f1"] == best == max(epoch["f1"] for epoch in selected["epochs"])
    assert (entry["status"], entry["num_trials"], entry["num_failed_trials"]) == ("finished", TRIALS, 0)
    assert entry["params"] == selected["params"]
    assert entry["default_validation_f1"] == max(epoch["f1"] for epoch in default["epochs"])
    assert entry["trials"][0]["trial_id"] == default["trial_id"]
    assert entry["cost"]["study_seconds"] == pytest.approx(
        sum(record["epochs"][-1]["fit_seconds"] for record in records)
    )
    card = json.loads((study.config.results_dir / entry["artifact"] / "reviewtune.json").read_text())
    assert (card["trial_id"], card["study_id"]) == (entry["trial_id"], entry["study_id"])


@pytest.mark.parametrize("family", [*FAMILIES, "ensemble"])
def test_the_card_of_an_artifact_has_what_the_board_has(study: Told, family: str) -> None:
    entry = study.entries[family]
    card = ModelCard((study.config.results_dir / entry["artifact"] / "README.md").read_text())
    f1 = next(result for result in card.data.eval_results if result.metric_type == "f1")
    assert (f1.dataset_split, f1.metric_value) == ("test", round(entry["test"]["f1"], 4))
    assert f1.metric_args["interval_95"] == [round(entry["test"][end], 4) for end in ("f1_low", "f1_high")]
    assert "Not known yet" not in card.text
    assert ("When the same reviews look otherwise" in card.text) == (entry["robustness"] is not None)


def test_what_it_does_is_said_in_its_order(study: Told) -> None:
    for family in FAMILIES:
        states = [line.split()[1].rstrip(",") for line in study.said(f"{family}: (preparing|tuning|assessing|done)")]
        assert states == ["preparing", "tuning", "assessing", "done"]
        assert [line.split()[1] for line in study.said(rf"{family} \d/3 (finished|stopped): F1 0\.\d+ ")] == [
            "1/3", "2/3", "3/3",
        ]  # fmt: skip
        f1 = study.entries[family]["test"]["f1"]
        assert study.said(rf"{family}: done, test F1 {f1:.4f} \(\d+ s\)")
    assert not study.said(".*(lost|failed|Traceback)")
    assert study.said("qlora: models of 2 trials removed, .* those of the best trial is kept")


def test_only_the_kept_trials_leave_models(study: Told) -> None:
    (models,) = study.config.results_dir.glob("studies/*/qlora/models")
    kept = [folder.name for folder in models.iterdir() if not folder.name.startswith(".")]
    assert kept == [study.entries["qlora"]["trial_id"]]


def test_the_words_of_errors_are_kept_beside_each_entry_and_are_those_of_its_artifact(study: Told) -> None:
    (reviews,) = (study.config.results_dir / "store" / "reviews").glob("*.parquet")
    texts = {row["id"]: row["text"] for row in pq.read_table(reviews).to_pylist()}
    for family in (*FAMILIES, "ensemble"):
        entry = study.entries[family]
        folder = study.config.results_dir / "studies" / entry["study_id"] / family
        with (folder / "errors.csv").open(newline="") as file:
            listed = [row["id"] for row in csv.DictReader(file)]
        found = read_explanations(folder / "explanations.json")
        assert found is not None
        assert [each.id for each in found.explanations] == listed[: len(found.explanations)] != []
        first = found.explanations[0]
        classifier = reviewtune.load(study.config.results_dir / entry["artifact"])
        (explained,) = classifier.explain([texts[first.id]], MOST_PARTS)
        assert explained is not None
        assert first.text_sha256 == explained.text_sha256
        assert [word[:2] for word in first.words] == [(word.start, word.end) for word in explained.words]
        np.testing.assert_allclose(
            [word[2] for word in first.words], [word.weight for word in explained.words], atol=1e-3
        )


def test_how_far_it_was_is_left_behind(study: Told) -> None:
    (path,) = study.config.results_dir.glob("studies/*/progress.json")
    note = read_progress(path)
    assert note is not None
    assert (note.state, [family.state for family in note.families]) == ("ended", ["done"] * 3)
    assert {family.name: sum(family.trials.values()) for family in note.families} == {
        **dict.fromkeys(FAMILIES, TRIALS), "ensemble": 0,
    }  # fmt: skip
    assert any(line.startswith("qlora 3/3 ") for line in note.lines)


def test_each_split_is_predicted_once_for_each_review(study: Told) -> None:
    for family in (*FAMILIES, "ensemble"):
        for split, share in (("test", 0.2), ("validation", 0.2)):
            (path,) = study.config.results_dir.glob(f"studies/*/{family}/{split}_predictions.parquet")
            ids = pq.read_table(path).column("id").to_pylist()
            assert len(ids) == len(set(ids)) == pytest.approx(200 * share, abs=8)


def test_optuna_keeps_the_trials_under_the_studys_name(study: Told) -> None:
    storage = f"sqlite:///{study.config.results_dir / 'studies.db'}"
    names = optuna.get_all_study_names(storage)
    study_id = study.entries["tfidf"]["study_id"]
    assert sorted(names) == [f"{study_id}/qlora", f"{study_id}/tfidf"]
    for name in names:
        trials = optuna.load_study(study_name=name, storage=storage).trials
        assert [trial.state.name for trial in trials] == ["COMPLETE"] * TRIALS


def test_the_same_command_again_does_nothing_and_one_trial_more_is_one_trial(study: Told) -> None:
    entries, records = study.entries, study.records("qlora")
    again = run(study.config)
    assert not again.said(r"\w+: (preparing|tuning|assessing)")
    assert len(again.said(r"\w+: done, .* \(kept from before\)")) == 3
    assert (again.entries, again.records("qlora")) == (entries, records)

    more = run(study.config.model_copy(update={"num_trials": TRIALS + 1, "families": ["qlora"]}))
    after = {record["trial_id"]: record for record in more.records("qlora")}
    assert [record["number"] for record in after.values()] == [1, 2, 3, 4]
    assert [after[record["trial_id"]] for record in records] == records
    assert len({json.dumps(record["params"], sort_keys=True) for record in after.values()}) == TRIALS + 1
    assert more.entries["qlora"]["num_trials"] == TRIALS + 1
    assert more.said("qlora 4/4 (finished|stopped)")


def test_an_entry_goes_on_to_more_epochs(study: Told) -> None:
    entry, before = study.entries["qlora"], study.records("qlora")
    longer = run(
        StudyConfig(
            results_dir=study.config.results_dir, continue_entry=Path(entry["artifact"]).name, epochs=EPOCHS + 1
        )
    )
    records = {record["trial_id"]: record for record in longer.records("qlora")}
    new = records.pop(f"{entry['trial_id']}-to-{EPOCHS + 1}")
    assert list(records.values()) == before
    assert [epoch["epoch"] for epoch in new["epochs"]] == [1, 2, 3]
    assert (new["status"], new["is_default"], new["number"]) == ("finished", False, len(before) + 1)
    assert new["params"] == {**entry["params"], "epochs": EPOCHS + 1}


def test_a_trial_that_diverges_fails_and_hurts_nobody(study: Told, tmp_path: Path) -> None:
    space = {"qlora": {"epochs": 1, "learning_rate": 1e12, "warmup_ratio": 0.0, "rank": [2, 4]}, "tfidf": {}}
    changes = {"results_dir": tmp_path, "space": space, "num_trials": 1, "families": ["qlora", "tfidf"]}
    told = run(study.config.model_copy(update=changes))
    assert told.entries["qlora"]["status"] == "failed"
    assert "learning rate" in told.entries["qlora"]["error"]
    assert told.entries["tfidf"]["status"] == "finished"
    assert told.said("qlora: 0 of 1 trials have a score \\(1 failed, the last one: .*learning rate")
    (record,) = told.records("qlora")
    assert (record["status"], record["number"]) == ("failed", 1)


def test_ray_train_trains_a_trial_of_its_own(study: Told, tmp_path: Path) -> None:
    changes = {"results_dir": tmp_path, "executor": "ddp", "num_trials": 1, "families": ["qlora"], "slots": None}
    told = run(study.config.model_copy(update=changes))
    (record,) = told.records("qlora")
    assert (record["status"], [epoch["epoch"] for epoch in record["epochs"]]) == ("finished", [1, 2])
    packed = next(each for each in study.records("qlora") if each["is_default"])
    assert record["params"] == packed["params"]
    losses = [[epoch["train_loss"] for epoch in each["epochs"]] for each in (record, packed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_another_operating_point_opens_entries_anew_and_trains_nothing(study: Told) -> None:
    """Of what a limit says of labels and a share says of probabilities nothing is kept under other words."""
    before = study.entries
    limited = run(study.config.model_copy(update={"max_fpr": 0.2, "prevalence": 0.05}))
    assert not limited.said(r"\w+: (preparing|tuning)")
    assert limited.said(r"\s*labels: at most 0.2 of genuine reviews called fake")
    for family, entry in limited.entries.items():
        assert (entry["max_fpr"], entry["prevalence"]) == (0.2, 0.05)
        assert entry["trial_id"] == before[family]["trial_id"]
        assert entry["test"]["roc_auc"] == before[family]["test"]["roc_auc"]
        info = json.loads((study.config.results_dir / entry["artifact"] / "reviewtune.json").read_text())
        assert (info["max_fpr"], info["prevalence"]) == (0.2, 0.05)
    again = run(limited.config)
    assert len(again.said(r"\w+: done, .* \(kept from before\)")) == len(before)
    back = run(study.config)
    assert {name: entry["test"] for name, entry in back.entries.items()} == {
        name: entry["test"] for name, entry in before.items()
    }
