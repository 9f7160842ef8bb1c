"""The file of an artifact's folder that keeps what it does elsewhere."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.evaluation.transfer import (
    TRANSFER_FILE,
    TransferScores,
    current_transfer,
    read_transfer,
    write_transfer,
)
from reviewtune.schema import ARTIFACT_FILE

FAKE = np.repeat([True, False], 20)
PROBABILITY = np.linspace(0.9, 0.1, 40)


def row(name: str = "hotels", *, of: np.ndarray | slice = slice(None), **changes: Any) -> TransferScores:
    scores = elsewhere_scores(FAKE[of], PROBABILITY[of], PROBABILITY[of] > 0.6, np.arange(40)[of])
    about = {"name": name, "data": "en.csv", "data_sha256": "a" * 64, "threshold": 0.6}
    return TransferScores(**(scores.model_dump() | about | changes))


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A folder of which nothing is read but when it calls a review fake."""
    (tmp_path / ARTIFACT_FILE).write_text(json.dumps({"threshold": 0.6, "max_fpr": None, "family": "tfidf"}))
    return tmp_path


def test_what_is_kept_is_read_again(artifact: Path) -> None:
    assert read_transfer(artifact) == current_transfer(artifact) == []
    rows = [row(), row("only fakes", of=FAKE), row("only genuine", of=~FAKE)]
    write_transfer(artifact, rows)
    assert read_transfer(artifact) == current_transfer(artifact) == rows
    assert [path.name for path in artifact.iterdir() if path.name != ARTIFACT_FILE] == [TRANSFER_FILE]


def test_a_row_of_the_same_name_takes_the_place_of_the_old_one(artifact: Path) -> None:
    new = row(data_sha256="b" * 64)
    write_transfer(artifact, [row(), row("shop"), new])
    assert read_transfer(artifact) == [new, row("shop")]


@pytest.mark.parametrize("changed", [{"threshold": 0.5}, {"max_fpr": 0.01}, {"prevalence": 0.05}])
def test_a_row_of_another_operating_point_is_kept_and_not_current(artifact: Path, changed: dict[str, float]) -> None:
    other = row("other", **changed)
    write_transfer(artifact, [row(), other])
    assert read_transfer(artifact) == [row(), other]
    assert current_transfer(artifact) == [row()]
    point: Any = SimpleNamespace(**({"threshold": 0.6, "max_fpr": None, "prevalence": None} | changed))
    assert other.is_at(point)
    assert not row().is_at(point)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"f1": float("nan")}, "transfer.0.f1=nan: input should be a finite number"),
        ({"f1": 1e300}, "transfer.0.f1=1e+300: input should be less than or equal to 1"),
        ({"roc_auc": -0.1}, "transfer.0.roc_auc=-0.1: input should be greater than or equal to 0"),
        ({"f1": "0.5"}, "transfer.0.f1='0.5': input should be a valid number"),
        ({"f1": None}, "reviews of both classes have exactly f1, f1_high, f1_low, fpr, precision, "),
        ({"num_fake": 40}, "reviews that are all fake have exactly recall"),
        ({"num_fake": 0}, "reviews that are all genuine have exactly fpr"),
        ({"num_fake": 41}, "num_fake must not be above num_reviews"),
        ({"num_reviews": 0}, "transfer.0.num_reviews=0: input should be greater than or equal to 1"),
        ({"name": "a\nb"}, "transfer.0.name='a\\nb': string should match pattern"),
        ({"name": ""}, "transfer.0.name='': string should have at least 1 character"),
        ({"data_sha256": "x"}, "transfer.0.data_sha256='x': string should match pattern"),
        ({"threshold": 2}, "transfer.0.threshold=2: input should be less than or equal to 1"),
        ({"more": 1}, "transfer.0.more=1: extra inputs are not permitted"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_value(artifact: Path, changed: dict[str, Any], said: str) -> None:
    stored = row().model_dump(mode="json") | changed
    (artifact / TRANSFER_FILE).write_text(json.dumps({"transfer": [stored]}))
    with pytest.raises(ArtifactError) as refused:
        current_transfer(artifact)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{artifact / TRANSFER_FILE} is damaged (transfer.json: ")
    assert str(refused.value).endswith("): delete it and score the artifact again")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("whole", ["", "[]", "{", '{"transfer": 3}', '{"transfer": null}', "[" * 100_000, "\0"])
def test_another_file_of_that_name_is_refused(artifact: Path, whole: str) -> None:
    (artifact / TRANSFER_FILE).write_text(whole)
    with pytest.raises(ArtifactError, match=r"transfer\.json is damaged"):
        read_transfer(artifact)


def test_two_rows_of_one_name_are_refused(artifact: Path) -> None:
    (artifact / TRANSFER_FILE).write_text(json.dumps({"transfer": [row().model_dump()] * 2}))
    with pytest.raises(ArtifactError, match="two rows have one name"):
        read_transfer(artifact)


def test_rows_without_an_artifact_are_not_current(artifact: Path) -> None:
    write_transfer(artifact, [row()])
    (artifact / ARTIFACT_FILE).write_text('{"threshold": "NaN"}')
    with pytest.raises(ArtifactError, match=r"reviewtune\.json is damaged \(reviewtune\.json: threshold='NaN'"):
        current_transfer(artifact)
    (artifact / ARTIFACT_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"reviewtune\.json is damaged"):
        current_transfer(artifact)


def test_a_folder_that_cannot_be_looked_into_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"transfer\.json is damaged \(.*File name too long"):
        read_transfer(tmp_path / ("n" * 5000))


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda leaf: st.lists(leaf) | st.dictionaries(
    st.sampled_from(["transfer", *TransferScores.model_fields]), leaf)))  # fmt: skip
def test_whatever_it_holds_is_rows_or_one_line(tmp_path_factory: pytest.TempPathFactory, whole: Any) -> None:
    folder = tmp_path_factory.mktemp("artifact")
    (folder / TRANSFER_FILE).write_text(json.dumps(whole))
    said, rows = "", []
    try:
        rows = read_transfer(folder)
    except ArtifactError as error:
        said = str(error)
    assert "\n" not in said
    assert said or all(isinstance(each, TransferScores) for each in rows)
