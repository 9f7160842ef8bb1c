"""What an artifact's folder keeps for its card."""

import json
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from reviewtune.artifact import write_artifact
from reviewtune.card.facts import CARD_FILE, SCORES_FILE, read_facts, write_scores
from reviewtune.card.page import write_card
from reviewtune.contents import is_whole
from reviewtune.encoders.known import MINILM_ID
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.slices import Slices
from reviewtune.evaluation.transfer import TransferScores
from reviewtune.transfer import keep_transfer
from tests.unit.artifact_infos import info_of
from tests.unit.leaderboard.conftest import entry_of


class Model:
    def save(self, folder: Path) -> None:
        (folder / "weights").write_bytes(np.arange(9).tobytes())


class Members:
    def save(self, folder: Path) -> None:
        for family, base in (("svm", "minilm"), ("tfidf", None), ("mlp", "minilm")):
            write_artifact(folder / "members" / family, info_of(family, base), Model())


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    write_artifact(tmp_path / "svm", info_of("svm", "minilm"), Model())
    return tmp_path / "svm"


def test_scores_that_come_later_are_kept_with_the_artifact_and_are_no_damage(artifact: Path) -> None:
    assert "Not known yet" in (artifact / CARD_FILE).read_text()
    entry = entry_of("svm", study="s")
    write_scores(artifact, entry, Slices(too_small={"rating": (2, 30)}))
    write_card(artifact)
    facts = read_facts(artifact)
    assert facts.entry == entry.model_copy(update={"trials": []})
    assert facts.scores is not None
    assert facts.scores.slices == Slices(too_small={"rating": (2, 30)})
    assert "| F1 of the fake class | 0.9000 (" in (artifact / CARD_FILE).read_text()
    assert is_whole(artifact)


def test_a_card_that_is_written_elsewhere_has_the_scores_still(artifact: Path, tmp_path: Path) -> None:
    """The board is far away by then."""
    write_scores(artifact, entry_of("svm", study="s"), None)
    moved = artifact.rename(tmp_path / "moved")
    row = TransferScores(
        name="shop", data="b.csv", data_sha256="3" * 64, threshold=0.5, num_reviews=9, num_fake=9, recall=0.25
    )
    keep_transfer(moved, [row])
    card = (moved / CARD_FILE).read_text()
    assert "| F1 of the fake class | 0.9000 (" in card
    assert "| shop (b.csv) |" in card
    assert is_whole(moved)


def test_an_ensemble_names_the_base_models_of_its_members_once(tmp_path: Path) -> None:
    write_artifact(tmp_path / "all", info_of("ensemble"), Members())
    assert ModelCard((tmp_path / "all" / CARD_FILE).read_text()).data.base_model == MINILM_ID


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"entry": {"family": 3}}'])
def test_damaged_scores_are_one_line(artifact: Path, content: str) -> None:
    (artifact / SCORES_FILE).write_text(content)
    with pytest.raises(ArtifactError, match=r"scores\.json is damaged \(.*\): delete it and run the study again$"):
        read_facts(artifact)


def test_it_is_told_whether_anything_is_new(artifact: Path) -> None:
    entry = entry_of("svm", study="s")
    assert [write_scores(artifact, entry, None) for _ in range(2)] == [True, False]
    assert write_scores(artifact, entry, Slices(too_small={"rating": (2, 30)}))


def test_no_trial_of_the_search_is_kept(artifact: Path) -> None:
    write_scores(artifact, entry_of("svm", study="s"), None)
    assert json.loads((artifact / SCORES_FILE).read_text())["entry"]["trials"] == []
