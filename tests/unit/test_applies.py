"""Whether an artifact says that it is given reviews unlike those it was trained on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reviewtune
from reviewtune.applies import say_if_unlike
from reviewtune.artifact import ArtifactInfo, read_info, write_artifact
from reviewtune.card.facts import Facts
from reviewtune.card.page import model_card
from reviewtune.cli import main
from reviewtune.data.sample import generate
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.base import Rows, Setting
from reviewtune.families.tfidf import TfidfFamily, TfidfParams
from reviewtune.profile import PROFILE_FILE, Profile
from reviewtune.schema import ARTIFACT_FILE

ROWS = generate(900, seed=6).to_pylist()
HOTELS = [f"Das Zimmer {number} war sauber, das Bad groß und das Personal freundlich." for number in range(60)]
SAID = "these reviews are unlike those that words was trained on (told apart with ROC AUC "


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("re sults") / "words"
    texts = [row["text"] for row in ROWS[:600]]
    fake = np.array([row["label"] == "fake" for row in ROWS[:600]])
    model: Any = next(iter(TfidfFamily().fit(TfidfParams(), Rows(texts, fake), Setting()))).model
    info = ArtifactInfo(
        family="tfidf", encoder=None, params={}, calibration=PlattCalibration(slope=1.7, intercept=-0.3), threshold=0.4,
        study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64, validation_f1=1.0, code="c",
        versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    write_artifact(folder, info, model, Profile.of(texts, fake, np.arange(600)))
    return folder


def written(path: Path, texts: list[str]) -> Path:
    rows = [{"text": text, "label": "fake" if row % 2 else "genuine"} for row, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_predict_says_so_in_one_line_and_how_to_check(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, output = written(tmp_path / "in.jsonl", HOTELS), tmp_path / "out.jsonl"
    words = ["predict", "--artifact", artifact, "--input", given, "--output", output, "--only-scores"]
    assert main(list(map(str, words))) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(SAID)
    assert "the board's scores do not apply to them" in line
    assert line.endswith(
        f"label 200 of them and check: reviewtune evaluate --artifact '{artifact}' --data LABELLED.csv"
    )
    rows = [json.loads(row) for row in output.read_text().splitlines()]
    np.testing.assert_array_equal([row["familiar"] for row in rows], reviewtune.load(artifact).familiar(HOTELS))
    assert max(row["familiar"] for row in rows) < 0.05


def test_evaluate_says_so_and_needs_no_more_labels(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = written(tmp_path / "in.jsonl", HOTELS)
    assert main(["evaluate", "--artifact", str(artifact), "--data", str(given)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(SAID)
    assert line.endswith("the board's scores do not apply to them, these do")


def test_nothing_is_said_of_the_same_source_of_few_and_without_a_profile(
    artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = reviewtune.load(artifact)
    say_if_unlike(classifier, [row["text"] for row in ROWS[600:]], artifact)
    say_if_unlike(classifier, [row["text"] for row in ROWS[:600]], artifact)
    say_if_unlike(classifier, HOTELS[:19], artifact)
    classifier.profile = None
    say_if_unlike(classifier, HOTELS, artifact)
    assert capsys.readouterr().err == ""
    assert np.isnan(classifier.familiar(["a", None])).all()


def test_what_is_no_text_is_not_familiar(artifact: Path) -> None:
    familiar = reviewtune.load(artifact).familiar([None, ROWS[0]["text"], " "])
    np.testing.assert_array_equal(np.isnan(familiar), [True, False, True])


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"\0" * 100), Path.unlink], ids=["zeroed", "removed"])
def test_a_damaged_profile_is_one_line(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "copy"))
    damage(folder / PROFILE_FILE)
    given = written(tmp_path / "in.jsonl", HOTELS)
    assert main(["predict", "--artifact", str(folder), "--input", str(given), "--only-scores"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{PROFILE_FILE} is damaged" in line


def test_an_artifact_of_an_earlier_version_says_nothing_of_familiarity(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "copy"))
    (folder / PROFILE_FILE).unlink()
    said = json.loads((folder / ARTIFACT_FILE).read_text())
    del said["profiled"]
    (folder / ARTIFACT_FILE).write_text(json.dumps(said))
    given, output = written(tmp_path / "in.jsonl", HOTELS), tmp_path / "out.jsonl"
    words = ["--artifact", folder, "--input", given, "--output", output, "--only-scores"]
    assert main(["predict", *map(str, words)]) == 0
    assert capsys.readouterr().err == ""
    assert {json.loads(row)["familiar"] for row in output.read_text().splitlines()} == {None}


def test_the_model_card_speaks_of_the_profile_where_there_is_one(artifact: Path) -> None:
    assert PROFILE_FILE in (artifact / "README.md").read_text()
    assert PROFILE_FILE not in model_card(Facts(read_info(artifact).model_copy(update={"profiled": False})))
