"""What a model card says, by what is known of an artifact."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from reviewtune.artifact_info import ArtifactInfo, EncoderInfo
from reviewtune.card.facts import Facts, Scores
from reviewtune.card.page import model_card
from reviewtune.encoders.known import KNOWN, MINILM_ID, MINILM_REVISION
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.robustness import VariantScores
from reviewtune.evaluation.slices import Share, Slice, Slices
from reviewtune.evaluation.transfer import TransferScores
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.scores import SourceScores, Unseen
from tests.unit.leaderboard.conftest import entry_of

HOSTILE = 'a|b`*[x](javascript:1)<script>\n---\n# "y": {z}\u202e\x1b[2J'


def facts_of(family: str = "qlora", base: str | None = "minilm", *, entry: Entry | None = None, **more: Any) -> Facts:
    encoder = EncoderInfo(name=base, revision="0" * 16, max_length=512) if base else None
    info = ArtifactInfo(
        family=family, encoder=encoder, params={"rank": 4}, calibration=PlattCalibration(slope=1.0, intercept=0.0),
        threshold=0.5, study_id="s", trial_id="t", data=more.pop("data", "reviews.csv"), data_sha256="1" * 64,
        split_sha256="2" * 64, validation_f1=0.9, code="c", versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    scores = Scores(entry=entry, slices=more.pop("slices", None)) if entry else None
    return Facts(info, (encoder,) if encoder else (), scores, **more)


def source(name: str, f1: float) -> SourceScores:
    return SourceScores(
        source=name, num_reviews=40, num_fake=20, f1=f1, f1_low=f1 - 0.1, f1_high=f1 + 0.1, precision=0.5, recall=0.5,
        fpr=0.5, roc_auc=0.6, tpr_at_fpr_01=0.1, tpr_at_fpr_001=0.05,
    )  # fmt: skip


def results(card: str) -> dict[str, dict[str, Any]]:
    """Of the metadata, the metrics by their names, by the name of the data set."""
    (model,) = yaml.safe_load(card.split("---\n")[1])["model-index"]
    assert model["name"] == "s-qlora"
    return {
        each["dataset"]["name"]: {metric["name"]: metric for metric in each["metrics"]} for each in model["results"]
    }


def section(card: str, title: str) -> str:
    found = re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", card, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def test_the_hub_reads_the_test_scores_with_their_interval() -> None:
    entry = entry_of("qlora", (90, 10, 20, 80))
    card = model_card(facts_of(entry=entry))
    assert entry.test is not None
    scored = results(card)["reviews.csv, test split of 200 reviews"]
    low, high = round(entry.test.f1_low, 4), round(entry.test.f1_high, 4)
    f1 = scored[f"F1 of the fake class (95 % interval {low:.4f} to {high:.4f})"]
    assert f1 == {"type": "f1", "value": 0.8571, "args": {"interval_95": [low, high]}, "name": f1["name"]}
    assert scored["Share of genuine reviews called fake"]["value"] == 0.2
    assert f"| F1 of the fake class | 0.8571 ({low:.4f}–{high:.4f}) |" in section(card, "Test scores")  # noqa: RUF001
    assert "Of 100 fake reviews it calls 90 fake, of 100 genuine ones 20." in card
    # 0.95 * 0.2 wrong ones beside 0.05 * 0.9 right ones.
    assert "20.0 % of genuine test reviews fake: where 5 % of reviews are,\n  81 % of those" in card


def test_the_metadata_says_what_the_hub_asks_for() -> None:
    read = ModelCard(model_card(facts_of())).data.to_dict()
    assert (read["base_model"], read["base_model_relation"]) == (MINILM_ID, "adapter")
    assert (read["library_name"], read["pipeline_tag"], read["license"]) == ("peft", "text-classification", "unknown")
    assert "datasets" not in read
    commit = "cffa887a877db747e540f15eb891f0d18070b994"
    of_hub = ModelCard(model_card(facts_of("tfidf", None, data=f"owner/name@{commit}", entry=entry_of("tfidf")))).data
    assert (of_hub.datasets, of_hub.base_model, of_hub.library_name) == (["owner/name"], None, "reviewtune")
    assert {(each.dataset_type, each.dataset_revision) for each in of_hub.eval_results} == {("owner/name", commit)}


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("minilm", f"base model {MINILM_ID} at commit {MINILM_REVISION}"),
        ("stella", rf"base model NovaSearch/stella\_en\_400M\_v5 at commit {KNOWN['stella'].revision}"),
        ("owner/name@v1", "base model owner/name at commit v1"),
        ("/home/ann/base", "base model base, a folder whose place on the hub is not known"),
    ],
)
def test_a_base_model_has_the_name_that_the_hub_gives_it(base: str, said: str) -> None:
    card = model_card(facts_of(base=base))
    assert said in card
    assert "/home/ann" not in card
    assert ModelCard(card).data.base_model == (None if base[0] == "/" else said.split()[2].replace("\\", ""))


def test_what_is_not_known_yet_is_said_to_be() -> None:
    card = model_card(facts_of())
    assert "model-index" not in card
    for title in ("Test scores", "On a source that it was trained without", "Cost"):
        assert section(card, title).startswith("Not known yet"), title
    for title in ("On other reviews", "When the same reviews look otherwise", "Parts of the test reviews"):
        assert f"## {title}" not in card


def test_unseen_and_transfer_scores_stand_in_text_and_metadata() -> None:
    row = TransferScores(
        name="shop", data="b.csv", data_sha256="3" * 64, threshold=0.5, num_reviews=9, num_fake=9, recall=0.25
    )
    entry = entry_of("qlora", unseen=Unseen.of([source("hotels", 0.2), source("cars", 0.4)]))
    card = model_card(facts_of(entry=entry, transfer=(row,)))
    told = section(card, "On a source that it was trained without")
    assert "Mean F1 0.3000, mean ROC AUC 0.6000, worst\nhotels with F1 0.2000." in told
    assert "| hotels | 40 | 20 | 0.2000 (0.1000–0.3000) | 0.5000 | 0.5000 | 0.5000 | 0.6000 | 0.1000 |" in told  # noqa: RUF001
    found = results(card)
    hotels = found["hotels: 40 reviews, the same configuration trained without this source"]
    assert hotels["F1 of the fake class (95 % interval 0.1000 to 0.3000)"]["value"] == 0.2
    assert found["shop: 9 reviews"] == {
        "Recall of the fake class": {"type": "recall", "value": 0.25, "name": "Recall of the fake class"}
    }
    assert "| shop (b.csv) | 9 | 9 |" in section(card, "On other reviews")


@pytest.mark.parametrize(("sources", "said"), [(1, "All reviews are from one source:"), (2, "Nothing was trained ")])
def test_without_unseen_scores_it_says_why(sources: int, said: str) -> None:
    entry = entry_of("qlora")
    entry = entry.model_copy(update={"provenance": entry.provenance.model_copy(update={"num_sources": sources})})
    card = model_card(facts_of(entry=entry))
    assert section(card, "On a source that it was trained without").startswith(said)
    assert ("nothing is known" in section(card, "Limits")) == (sources == 1)


def test_looks_parts_and_cost_are_told() -> None:
    looks = {
        "plain": VariantScores(num_reviews=20, f1=0.9, recall=0.8, fpr=0.1),
        "alike": VariantScores(num_reviews=20, f1=0.7, recall=0.6, fpr=0.2),
    }
    half = Share(value=0.5, low=0.1, high=0.9)
    part = Slice(kind="category", value="a|b", num_reviews=50, num_fake=25, f1=0.5, recall=half, fpr=half, worse=True)
    card = model_card(facts_of(entry=entry_of("qlora", robustness=looks), slices=Slices(slices=(part,))))
    assert "| Alike | 0.7000 | -0.2000 | 0.6000 | 0.2000 |" in section(card, "When the same reviews look otherwise")
    assert r"| category: a\|b (worse) | 50 | 25 | 0.500 |" in section(card, "Parts of the test reviews")
    cost = section(card, "Cost")
    assert "| all trials and folds together | 60 s |" in cost
    assert "| largest memory | 1.00 GiB |" in cost
    assert "Energy was not measured" in cost


def test_energy_is_told_where_it_was_measured() -> None:
    entry = entry_of("qlora")
    assert entry.cost
    entry = entry.model_copy(update={"cost": entry.cost.model_copy(update={"study_joules": 45_000.0})})
    cost = section(model_card(facts_of(entry=entry)), "Cost")
    assert "| energy of the GPU for them | 12.5 Wh |" in cost
    assert "not measured" not in cost


def test_a_training_on_a_part_of_the_reviews_is_told() -> None:
    told = "trained on 12% of the reviews"
    entry = entry_of("svm")
    assert told not in model_card(facts_of("svm", entry=entry))
    assert told in model_card(facts_of("svm", entry=entry.model_copy(update={"trained_share": 0.123})))


def test_words_of_others_break_neither_yaml_nor_markdown() -> None:
    row = TransferScores(
        name=HOSTILE.replace("\n", " ").replace("\x1b", ""), data="|", data_sha256="3" * 64, threshold=0.5,
        num_reviews=9, num_fake=9, recall=0.25,
    )  # fmt: skip
    part = Slice(kind="category", value=HOSTILE, num_reviews=50, num_fake=25)
    entry = entry_of("qlora", unseen=Unseen.of([source(HOSTILE, 0.2)]))
    facts = facts_of(entry=entry, transfer=(row,), slices=Slices(slices=(part,)), data="x': |`<b>.csv")
    card = model_card(replace(facts, info=facts.info.model_copy(update={"params": {"a|b": "c|d\n\n# e"}})))
    assert len(results(card)) == 3
    assert all(letter.isprintable() or letter == "\n" for letter in card)
    text = card.split("\n---\n", 1)[1]
    assert not re.search(r"(?<!\\)<(script|b)>|(?<!\\)\[x\]\(|^# (?!s-qlora)|^---", text, re.MULTILINE)
    for rows in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows.splitlines()}) == 1, rows
