"""A whole study in this process on reviews of three sources: what it says of each by a training without it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

from reviewtune.config import StudyConfig
from reviewtune.data.sample import generate
from reviewtune.errors import UsageError
from tests.end_to_end.in_process import Told, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_ray")]

SOURCES = ("hotels", "shops", "sites")


@pytest.fixture(scope="module")
def several(one_ray: None, tiny_base: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Told:
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


def test_every_card_has_the_scores_on_sources_that_were_left_out(several: Told) -> None:
    for entry in several.entries.values():
        card = ModelCard((several.config.results_dir / entry["artifact"] / "README.md").read_text())
        told = {each.dataset_config: each for each in card.data.eval_results if each.metric_type == "f1"}
        for own in entry["unseen"]["sources"]:
            assert own["f1"] is None or told[own["source"]].metric_value == round(own["f1"], 4)
        assert f"worst\n{entry['unseen']['worst']['source']} with F1" in card.text


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
