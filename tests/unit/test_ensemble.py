import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reviewtune
from reviewtune.artifact import ArtifactInfo, write_artifact
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.base import Rows, Setting
from reviewtune.families.logreg import LogRegFamily, LogRegParams
from reviewtune.families.svm import SvmFamily, SvmParams
from reviewtune.families.tfidf import TfidfFamily, TfidfParams
from reviewtune.predict import Classifier, Ensemble

TEXTS = [
    "Great product, works as described.",
    "The strap broke twice on Tuesday, and the hinge of my neighbour's cheaper tent did not.",
    "Love it, must buy!",
    "Sadly the lid is rusty after a week of rain.",
]
FAKE = np.array([True, False, True, False])
PARAMS = {"tfidf": 0.5, "logreg": 1.25, "svm": 0.25, "intercept": -0.4}


def info(family: str, params: dict[str, Any], slope: float = 1.0, encoder: Any = None) -> ArtifactInfo:
    calibration = PlattCalibration(slope=slope, intercept=0.3 * (slope - 1))
    return ArtifactInfo(
        family=family, encoder=encoder, params=params, calibration=calibration, threshold=0.4,
        study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64, validation_f1=1.0, code="c",
        versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


class Members:
    """What an ensemble's artifact holds, written in place."""

    def save(self, folder: Path) -> None:
        texts, vectors = (
            Rows(TEXTS * 3, np.tile(FAKE, 3)),
            Rows(np.tile(reviewtune.embed(TEXTS), (3, 1)), np.tile(FAKE, 3)),
        )
        minilm = {"name": "minilm", "revision": None, "max_length": 512}
        for name, family, params, rows, slope, encoder in (
            ("tfidf", TfidfFamily(), TfidfParams(), texts, 2.0, None),
            ("logreg", LogRegFamily(), LogRegParams(), vectors, 0.5, minilm),
            ("svm", SvmFamily(), SvmParams(), vectors, 1.0, minilm),
        ):
            model: Any = next(iter(family.fit(params, rows, Setting()))).model
            write_artifact(folder / "members" / name, info(name, {}, slope, encoder), model)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "ensemble"
    write_artifact(folder, info("ensemble", PARAMS), Members())
    return folder


def test_an_ensemble_weighs_the_calibrated_log_odds_of_its_members(artifact: Path) -> None:
    expected = np.full(len(TEXTS), PARAMS["intercept"])
    for name in ("tfidf", "logreg", "svm"):
        fake = reviewtune.load(artifact / "members" / name).fake_probability(TEXTS)
        expected += PARAMS[name] * np.log(fake / (1 - fake))
    ensemble = reviewtune.load(artifact)
    np.testing.assert_allclose(ensemble.scores(TEXTS), expected, rtol=1e-4)
    np.testing.assert_allclose(ensemble.fake_probability(TEXTS), 1 / (1 + np.exp(-expected)), rtol=1e-4)


def test_members_on_the_same_embeddings_share_them(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = reviewtune.load(artifact)
    assert isinstance(ensemble.model, Ensemble)
    read: list[str] = []
    original = Classifier.read
    monkeypatch.setattr(Classifier, "read", lambda self, texts: read.append(self.form) or original(self, texts))
    ensemble.model.scores(TEXTS)
    assert sorted(read) == ["embeddings", "texts"]


def test_the_card_says_what_an_ensemble_is(artifact: Path) -> None:
    card = (artifact / "README.md").read_text()
    assert "classifiers in `members/` together" in card
    assert "| logreg | 1.25 |" in card


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"tfidf": 0.5}, "its params are no weights of members"),
        ({"../../elsewhere": 1.0, "intercept": 0.0}, "names a member '../../elsewhere': upgrade reviewtune"),
        ({"ensemble": 1.0, "intercept": 0.0}, "names a member 'ensemble'"),
        ({"mlp": 1.0, "intercept": 0.0}, r"members.mlp has no reviewtune.json"),
    ],
)
def test_a_damaged_ensemble_says_what_is_wrong(artifact: Path, tmp_path: Path, params: Any, reason: str) -> None:
    folder = tmp_path / "ensemble"
    shutil.copytree(artifact, folder)
    about = json.loads((folder / "reviewtune.json").read_text())
    (folder / "reviewtune.json").write_text(json.dumps({**about, "params": params}))
    with pytest.raises(ArtifactError, match=reason):
        reviewtune.load(folder)
