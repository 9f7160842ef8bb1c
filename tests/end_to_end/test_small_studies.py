"""Whole studies in this process, on a base model of no use: what a study keeps, says and does not do twice.

They are small enough to judge mutants by, for which they are run, and need no base model of anybody's.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import optuna
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from reviewtune.config import StudyConfig
from reviewtune.data.sample import generate
from reviewtune.errors import UsageError
from reviewtune.tuning.session import ray_session
from reviewtune.tuning.study import tune

pytestmark = pytest.mark.slow

FAMILIES = ("tfidf", "qlora")
TRIALS, EPOCHS = 3, 2
RUNG = 0.3
SPACE = {"qlora": {"epochs": EPOCHS, "batch_size": 16, "rank": [2, 4], "learning_rate": [1e-3, 3e-3]}}


@dataclass(frozen=True)
class Told:
    """A study that has ended, and what was said meanwhile."""

    config: StudyConfig
    lines: list[str]

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """Of leaderboard.json, by family."""
        board = json.loads((self.config.results_dir / "leaderboard.json").read_text())
        return {entry["family"]: entry for entry in board["entries"]}

    def records(self, family: str) -> list[dict[str, Any]]:
        """A family's trials, in the order in which they ended."""
        paths = self.config.results_dir.glob(f"studies/*/{family}/trials/*.json")
        return sorted((json.loads(path.read_text()) for path in paths), key=lambda record: record["number"])

    def said(self, pattern: str) -> list[str]:
        """The lines that a pattern matches from their start."""
        return [line for line in self.lines if re.match(pattern, line)]


def run(config: StudyConfig) -> Told:
    output = StringIO()
    tune(config, Console(file=output, width=200))
    return Told(config, output.getvalue().splitlines())


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    """One Ray for all of these studies, as a program starts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 2}')
        with ray_session(None, Console(file=StringIO())):
            yield


@pytest.fixture(scope="module")
def study(tiny_base: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A text family and QLoRA in packs of one slot, three trials each, and their ensemble."""
    folder = tmp_path_factory.mktemp("study")
    with (folder / "reviews.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows({"text": row["text"], "label": row["label"]} for row in generate(200, seed=7).to_pylist())
    return run(
        StudyConfig(
            finalists=0,
            data=str(folder / "reviews.csv"),
            results_dir=folder / "results",
            families=[*FAMILIES, "ensemble"],
            base_model=str(tiny_base("bert")),
            num_trials=TRIALS,
            slots=1,
            keep_trials=1,
            validation_size=0.2,
            space=SPACE,
        )
    )


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


@pytest.fixture(scope="module")
def rung(study: Told, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same families, whose trials are compared after three tenths of the rows, one after the other."""
    folder = tmp_path_factory.mktemp("rung")
    space = {**SPACE, "tfidf": {"analyzer": "word", "min_df": [1, 8], "C": {"low": 1e-3, "high": 1e3, "log": True}}}
    changes = {"results_dir": folder, "first_rung_rows": RUNG, "num_trials": 6, "space": space}
    # F1 of so few rows is often that of calling all of them fake.
    more = {
        "objective": "average_precision",
        "finalists": 1,
        "folds": 2,
        "keep_folds": False,
        "max_concurrent_trials": 1,
    }
    return run(study.config.model_copy(update={**changes, **more, "families": list(FAMILIES)}))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trial_that_is_weak_on_a_share_of_the_rows_ends_there(rung: Told, family: str) -> None:
    records = rung.records(family)
    assert [record["number"] for record in records] == [1, 2, 3, 4, 5, 6]
    for record in records:
        first, *epochs = record["epochs"]
        assert (first["epoch"], first["share"], record["error"]) == (RUNG, RUNG, None)
        assert [epoch["share"] for epoch in epochs] == [None] * len(epochs)
        assert record["status"] == "stopped" or len(epochs) == (EPOCHS if family == "qlora" else 1)
    assert records[0]["is_default"]
    assert records[0]["status"] == "finished"
    stopped = [record for record in records if record["status"] == "stopped"]
    assert stopped
    assert family == "qlora" or all(len(record["epochs"]) == 1 for record in stopped)
    assert rung.said(rf"{family} \d/6 stopped: average precision 0\.\d+ ")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_has_seen_a_share_of_the_rows_alone_is_no_finalist(rung: Told, family: str) -> None:
    entry, records = rung.entries[family], rung.records(family)
    gone_on = [record for record in records if len(record["epochs"]) > 1]
    assert entry["trial_id"] in [record["trial_id"] for record in gone_on]
    assert entry["num_trials"] == len(entry["trials"]) == 6
    paths = rung.config.results_dir.glob(f"studies/*/{family}/finalists/*.json")
    trained = [json.loads(path.read_text()) for path in paths]
    assert {json.dumps(each["params"]) for each in trained} <= {json.dumps(each["params"]) for each in gone_on}
    assert all(epoch["share"] is None for each in trained for epoch in each["epochs"])


def test_optuna_sees_what_a_trial_had_on_the_share(rung: Told) -> None:
    storage = f"sqlite:///{rung.config.results_dir / 'studies.db'}"
    study_id = rung.entries["tfidf"]["study_id"]
    trials = optuna.load_study(study_name=f"{study_id}/tfidf", storage=storage).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 6
    told = [list(trial.intermediate_values.values()) for trial in trials]
    measured = [[epoch["judged"] for epoch in record["epochs"]] for record in rung.records("tfidf")]
    # What is reported last is the value itself.
    assert told == [own[:-1] for own in measured]
    assert [trial.value for trial in trials] == [own[-1] for own in measured]


def test_a_study_with_a_first_rung_is_another_and_goes_on_as_any(rung: Told) -> None:
    entries, records = rung.entries, rung.records("tfidf")
    again = run(rung.config)
    assert not again.said(r"\w+: (preparing|tuning|assessing)")
    assert (again.entries, again.records("tfidf")) == (entries, records)
    with pytest.raises(UsageError, match=r"its share of rows on the first rung is 0\.3, now none"):
        run(rung.config.model_copy(update={"first_rung_rows": None, "study": entries["tfidf"]["study_id"]}))
    more = run(rung.config.model_copy(update={"num_trials": 7, "families": ["tfidf"]}))
    assert [record["number"] for record in more.records("tfidf")] == [1, 2, 3, 4, 5, 6, 7]
    assert more.records("tfidf")[:6] == records


SOURCES = ("hotels", "shops", "sites")


@pytest.fixture(scope="module")
def several(tiny_base: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Two text families, QLoRA in a pack of two slots and their ensemble, on three sources; of `sites` none is fake."""
    folder = tmp_path_factory.mktemp("several")
    with (folder / "reviews.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "site"])
        writer.writeheader()
        for number, row in enumerate(generate(240, seed=7).to_pylist()):
            site = SOURCES[number % 3 if row["label"] != "fake" else number % 2]
            writer.writerow({"text": row["text"], "label": row["label"], "site": site})
    space = {"qlora": {"epochs": 1, "batch_size": 16, "rank": 2, "learning_rate": 3e-3}, "rules": {"max_depth": 2}}
    return run(
        StudyConfig(
            data=str(folder / "reviews.csv"),
            source_column="site",
            results_dir=folder / "results",
            families=["tfidf", "rules", "qlora", "ensemble"],
            base_model=str(tiny_base("bert")),
            num_trials=1,
            finalists=1,
            folds=2,
            keep_folds=False,
            slots=2,
            space=space,
        )
    )


def test_every_entry_is_scored_on_sources_that_it_was_trained_without(several: Told) -> None:
    for family, entry in several.entries.items():
        unseen = entry["unseen"]
        assert [own["source"] for own in unseen["sources"]] == sorted(SOURCES)
        hotels, shops, sites = unseen["sources"]
        assert (sites["num_fake"], sites["f1"], sites["recall"]) == (0, None, None)
        assert 0 <= sites["fpr"] <= 1
        assert unseen["f1"] == pytest.approx((hotels["f1"] + shops["f1"]) / 2)
        assert unseen["worst"]["f1"] == min(hotels["f1"], shops["f1"])
        (path,) = several.config.results_dir.glob(f"studies/*/{family}/unseen_predictions.parquet")
        (tested,) = several.config.results_dir.glob(f"studies/*/{family}/test_predictions.parquet")
        ids = pq.read_table(path).column("id").to_pylist()
        assert len(ids) == len(set(ids)) == sum(own["num_reviews"] for own in unseen["sources"])
        assert not set(ids) & set(pq.read_table(tested).column("id").to_pylist())
        assert entry["provenance"]["num_sources"] == 3
    assert several.said("qlora: unseen, 0 of 3 trainings done")
    assert "Without each source" in (several.config.results_dir / "leaderboard.md").read_text()
    assert not list(several.config.results_dir.glob("studies/*/qlora/finalists/*/last"))


def test_an_entry_without_unseen_scores_gains_them_and_nothing_else_is_trained(several: Told) -> None:
    before = several.entries
    kept = several.config.results_dir
    for path in kept.glob("studies/*/*/entry.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "unseen": None}))
    (kept_in,) = kept.glob("studies/*/tfidf/finalists")
    for path in kept_in.glob("*.json"):
        if json.loads(path.read_text())["fold"] == "without hotels":
            path.unlink()
    trained = {path: path.read_bytes() for path in kept.glob("studies/*/*/finalists/*.json")}
    again = run(several.config)
    assert not again.said(r"\w+: (preparing|tuning|assessing|finalists)")
    assert again.said(r"tfidf: unseen, 2 of 3 trainings done")
    assert not again.said(r"(rules|qlora): unseen")
    assert again.entries == before
    now = {path: path.read_bytes() for path in kept.glob("studies/*/*/finalists/*.json")}
    assert trained.items() <= now.items()
    assert len(now) == len(trained) + 1


def test_training_rows_that_are_balanced_and_made_alike_train_and_judge_what_they_did(
    several: Told, tmp_path: Path
) -> None:
    changes = {"results_dir": tmp_path, "balance": "source", "augment": "surface", "families": ["tfidf", "qlora"]}
    told = run(several.config.model_copy(update=changes))
    for family, entry in told.entries.items():
        plain = several.entries[family]
        assert entry["status"] == "finished"
        assert entry["study_id"] != plain["study_id"]
        counts = [
            [(own["source"], own["num_reviews"], own["num_fake"]) for own in each["unseen"]["sources"]]
            for each in (entry, plain)
        ]
        assert counts[0] == counts[1]
        assert entry["test"]["true_positives"] + entry["test"]["false_negatives"] == (
            plain["test"]["true_positives"] + plain["test"]["false_negatives"]
        )
    with pytest.raises(UsageError, match="its --balance is source, now none"):
        run(told.config.model_copy(update={"balance": None, "study": told.entries["tfidf"]["study_id"]}))


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
