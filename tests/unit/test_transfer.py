"""An artifact on reviews from elsewhere: `evaluate --keep`, and what its folder then says."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from scipy.special import expit

import reviewtune
from reviewtune.artifact import ArtifactInfo, read_info, write_artifact
from reviewtune.card.facts import read_facts
from reviewtune.card.page import model_card
from reviewtune.card.results import transfer_section
from reviewtune.cli import main
from reviewtune.data.sample import generate
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.operating_basis import OperatingBasis
from reviewtune.evaluation.transfer import read_transfer, write_transfer
from reviewtune.families.base import Rows, Setting
from reviewtune.families.rules import RulesFamily, RulesParams
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.transfer import keep_transfer

ROWS = generate(300, seed=6).to_pylist()
HOME, OTHER = ROWS[:200], ROWS[200:]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "rules"
    fake = np.array([row["label"] == "fake" for row in HOME])
    texts = [row["text"] for row in HOME]
    model: Any = next(iter(RulesFamily().fit(RulesParams(), Rows(texts, fake), Setting()))).model
    # One that calls but a fifth of them fake.
    threshold = float(np.quantile(expit(model.scores(texts)), 0.8))
    info = ArtifactInfo(
        family="rules", encoder=None, params={"depth": 4}, calibration=PlattCalibration(slope=1.0, intercept=0.0),
        threshold=threshold, basis=OperatingBasis.of(np.linspace(0, 1, 400), np.arange(400) >= 200), study_id="s",
        trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64, validation_f1=1.0, code="c", versions={},
        created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    write_artifact(folder, info, model)
    return folder


@pytest.fixture
def artifact(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "results" / "rules"))


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def evaluate(artifact: Path, data: Path, *words: str) -> int:
    return main(["evaluate", "--artifact", str(artifact), "--data", str(data), *words])


def test_scores_are_kept_by_a_name_and_stand_in_the_model_card(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "scores.json"
    data = written(tmp_path / "hotels|2.csv", OTHER)
    assert evaluate(artifact, data, "--keep", " hotels *2* ", "--output", str(output)) == 0
    shown = capsys.readouterr()
    assert shown.err == "the reviews of its study are not here: those among hotels|2.csv cannot be left out\n"
    assert shown.out.splitlines()[-1] == f"kept as hotels *2* in {artifact}, and in its README.md"
    (row,) = read_transfer(artifact)
    measured = json.loads(output.read_text())
    for name in ("f1", "f1_low", "f1_high", "precision", "recall", "fpr", "roc_auc", "tpr_at_fpr_01"):
        assert getattr(row, name) == measured[name], name
    called = reviewtune.load(artifact).predict([each["text"] for each in OTHER]) == "fake"
    genuine = np.array([each["label"] == "genuine" for each in OTHER])
    assert row.fpr == called[genuine].mean()
    assert f"  fpr                      {row.fpr:.4f}" in shown.out
    assert (row.name, row.data, row.num_reviews) == ("hotels *2*", "hotels|2.csv", 100)
    assert row.threshold == read_info(artifact).threshold
    card = (artifact / "README.md").read_text()
    assert (
        "\n## On other reviews\n\nOn reviews that took no part in its training or in any choice, at the thresh" in card
    )
    assert f"above {row.threshold:.4f}. That threshold" in card
    assert f"\n| hotels \\*2\\* (hotels\\|2.csv) | 100 | {row.num_fake} | {row.f1:.4f} ({row.f1_low:.4f}–" in card  # noqa: RUF001
    assert card == model_card(read_facts(artifact))
    (scored,) = {result.dataset_name for result in ModelCard(card).data.eval_results}
    assert scored == "hotels *2*: 100 reviews"


def test_reviews_of_one_class_are_kept_and_the_same_name_is_replaced(artifact: Path, tmp_path: Path) -> None:
    fakes = written(tmp_path / "a.csv", [row for row in OTHER if row["label"] == "fake"])
    genuine = written(tmp_path / "b.csv", [row for row in OTHER if row["label"] == "genuine"])
    assert evaluate(artifact, fakes, "--keep", "shop") == 0
    assert evaluate(artifact, fakes, "--keep", "fakes") == 0
    assert evaluate(artifact, genuine, "--keep", "shop") == 0
    shop, fake = read_transfer(artifact)
    assert (shop.name, shop.data, shop.recall, shop.f1) == ("shop", "b.csv", None, None)
    assert (fake.name, fake.data, fake.fpr, fake.num_fake) == ("fakes", "a.csv", None, fake.num_reviews)
    card = (artifact / "README.md").read_text()
    assert f"| shop (b.csv) | {shop.num_reviews} | 0 | – | – | – | {shop.fpr:.4f} | – | – | – |" in card  # noqa: RUF001
    assert f"| – | – | {fake.recall:.4f} | – | – | – | – |" in card  # noqa: RUF001


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--keep", "x", "--max-fpr", "0.1"], 2, "--keep x keeps what {artifact} does at its own threshold: leave "),
        (["--keep", "x", "--prevalence", "0.1"], 2, "--max-fpr and --prevalence out\n"),
        (["--keep", "  "], 2, "--keep='  ': give a name of 1 to 64 printable letters\n"),
        (["--keep", "n" * 65], 2, ": give a name of 1 to 64 printable letters\n"),
        (["--keep", "a\tb"], 2, ": give a name of 1 to 64 printable letters\n"),
        (["--keep", ""], 2, "--keep is empty: give it a value, or leave it out\n"),
    ],
)
def test_what_cannot_be_kept_is_one_line_and_changes_nothing(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    before = {path.name: path.read_bytes() for path in artifact.iterdir()}
    assert evaluate(artifact, written(tmp_path / "a.csv", OTHER), *words) == status
    shown = capsys.readouterr()
    assert said.format(artifact=artifact) in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")
    assert {path.name: path.read_bytes() for path in artifact.iterdir()} == before


def test_another_operating_point_is_scored_and_not_kept(artifact: Path, tmp_path: Path) -> None:
    assert evaluate(artifact, written(tmp_path / "a.csv", OTHER), "--max-fpr", "0.1") == 0
    assert read_transfer(artifact) == []


def test_the_training_reviews_are_no_elsewhere(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from reviewtune.data.reviews import load_reviews

    data = written(tmp_path / "home.csv", HOME)
    stored = json.loads((artifact / "reviewtune.json").read_text())
    stored["data_sha256"] = load_reviews(str(data)).sha256
    (artifact / "reviewtune.json").write_text(json.dumps(stored))
    assert evaluate(artifact, data, "--keep", "home") == 1
    assert capsys.readouterr().err == (
        "reviewtune: --keep home: home.csv is what rules was trained on, and tells nothing of elsewhere: give other "
        "reviews\n"
    )
    assert read_transfer(artifact) == []


def test_a_row_of_another_threshold_is_not_in_the_card(artifact: Path, tmp_path: Path) -> None:
    assert evaluate(artifact, written(tmp_path / "a.csv", OTHER), "--keep", "shop") == 0
    assert "shop" in transfer_section(read_facts(artifact))
    stored = json.loads((artifact / ARTIFACT_FILE).read_text())
    (artifact / ARTIFACT_FILE).write_text(json.dumps({**stored, "threshold": 0.4}))
    assert transfer_section(read_facts(artifact)) == ""


def test_a_place_that_takes_no_file_is_said_in_one_line(artifact: Path, tmp_path: Path) -> None:
    assert evaluate(artifact, written(tmp_path / "a.csv", OTHER), "--keep", "shop") == 0
    rows = read_transfer(artifact)
    write_transfer(artifact, [])
    (artifact / "README.md").unlink()
    (artifact / "README.md").mkdir()
    with pytest.raises(ArtifactError, match=r"cannot be written \(.*\): make room, or make it writable$"):
        keep_transfer(artifact, rows)
