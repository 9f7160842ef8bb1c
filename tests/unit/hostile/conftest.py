"""Artifacts to be damaged, and what may come of that: one clear line, or the right result, and at once."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reviewtune
from reviewtune.artifact import ArtifactInfo, EncoderInfo, write_artifact
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import ReviewtuneError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family

TEXTS = [
    "Great product, works as described.",
    "the strap broke twice on tuesday",
    "love it",
    "sadly the hinge is rusty",
]
FAKE = np.array([True, False, True, False])
FAMILIES = ["tfidf", "rules", "logreg", "mlp", "qlora", "ensemble"]
CATASTROPHIC = "(" * 12 + ".*" + ")*" * 12 + "$"
PARAMS = {"mlp": {"width": 8, "epochs": 1}, "qlora": {"rank": 2, "batch_size": 4, "epochs": 1}, "tfidf": {"min_df": 1}}


@pytest.fixture(scope="session")
def artifacts(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each family, by name."""
    root = tmp_path_factory.mktemp("results")
    encoder = resolve_encoder(str(tiny_bert))
    tokens = tokenize(load_tokenizer(encoder), TEXTS, encoder.max_length)
    about = EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length)
    inputs = {
        "texts": TEXTS * 3,
        "embeddings": np.tile(reviewtune.embed(TEXTS, str(tiny_bert)), (3, 1)),
        "tokens": tokens,
    }
    folders = {}
    for name in FAMILIES[:-1]:
        family = get_family(name)
        rows = Rows(inputs[family.inputs], np.resize(FAKE, 4 if family.inputs == "tokens" else 12))
        setting = Setting(base_model=encoder.name, quantisation="none")
        model: Any = list(family.fit(family.params(**PARAMS.get(name, {})), rows, setting))[-1].model
        folders[name] = root / name
        write_artifact(root / name, info(name, None if name in ("tfidf", "rules") else about, {}), model)

    class Members:
        def save(self, folder: Path) -> None:
            for name in ("tfidf", "logreg"):
                shutil.copytree(folders[name], folder / "members" / name)

    folders["ensemble"] = root / "ensemble"
    write_artifact(root / "ensemble", info("ensemble", None, {"tfidf": 0.5, "logreg": 1, "intercept": 0.1}), Members())
    return folders


def info(family: str, encoder: EncoderInfo | None, params: dict[str, Any]) -> ArtifactInfo:
    return ArtifactInfo(
        family=family, encoder=encoder, params=params, calibration=PlattCalibration(slope=1.7, intercept=-0.3),
        threshold=0.4, study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64,
        validation_f1=1.0, code="c", versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def outcome(folder: Path) -> str:
    """What is said of a folder, empty where it labels reviews; anything but that and one line fails."""
    start, said = time.monotonic(), ""
    try:
        probability = reviewtune.load(folder).predict_proba(TEXTS)
    except ReviewtuneError as error:
        said = str(error)
        probability = np.full((4, 2), 0.5)
    assert time.monotonic() - start < 20
    assert probability.shape == (4, 2)
    assert np.isfinite(probability).all()
    assert "\n" not in said
    assert len(said) < 1500
    return said


def changed(folder: Path, name: str, **values: Any) -> None:
    """Set some values of a JSON file, by dotted name."""
    contents = json.loads((folder / name).read_text())
    for key, value in values.items():
        *above, last = key.split("__")
        place = contents
        for part in above:
            place = place[part]
        place[last] = value
    (folder / name).write_text(json.dumps(contents))


@pytest.fixture
def copy(artifacts: dict[str, Path], tmp_path: Path) -> Any:
    return lambda name: Path(shutil.copytree(artifacts[name], tmp_path / "copy"))
