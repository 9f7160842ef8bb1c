"""A study's artifacts on reviews from elsewhere: what is scored, what is kept, and what a failure costs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.artifact import write_artifact
from reviewtune.config import StudyConfig
from reviewtune.data.other_reviews import OtherReviews
from reviewtune.data.texts import text_id
from reviewtune.errors import ArtifactError, MachineError
from reviewtune.evaluation.transfer import TRANSFER_FILE, read_transfer
from reviewtune.families.base import Rows, Setting
from reviewtune.families.rules import RulesFamily, RulesParams
from reviewtune.leaderboard.entry import PREDICTIONS_FILE
from reviewtune.predict import load
from reviewtune.transfer import transfer_scores
from reviewtune.tuning import scores_of_texts
from reviewtune.tuning.predictions import keep_predictions
from reviewtune.tuning.session import Cluster
from reviewtune.tuning.transfer import score_elsewhere
from tests.registering import give_away
from tests.unit.artifact_infos import info_of

TEXTS = [f"review number {number} is {'good!!' * (number % 3)}" for number in range(24)]
FAKE = np.arange(24) % 2 == 0


def others(name: str, rows: slice = slice(None), sha256: str = "a" * 64) -> OtherReviews:
    return OtherReviews(name, f"{name}.csv", sha256, TEXTS[rows], FAKE[rows], np.arange(24)[rows])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float, float]]:
    """How many texts were scored on a worker, and the CPUs and GPUs that it reserved."""
    scored: list[tuple[int, float, float]] = []

    def on_worker(work: Any, *, cpus: float, gpus: float) -> Any:
        def run(artifact: Path, texts: list[str], kept: Any) -> Any:
            scored.append((len(texts), cpus, gpus))
            return work(artifact, texts, kept)

        return run

    monkeypatch.setattr(scores_of_texts, "on_worker", on_worker)
    return scored


@pytest.fixture
def study(tmp_path: Path) -> Any:
    model: Any = next(iter(RulesFamily().fit(RulesParams(), Rows(TEXTS, FAKE), Setting()))).model
    write_artifact(tmp_path / "artifacts" / "s-rules", info_of(), model)
    config = StudyConfig(results_dir=tmp_path, cpus_per_trial=2)
    folder = tmp_path / "studies" / "s"
    own = ["a review of the test split", "another"]
    path, ids = folder / "rules" / PREDICTIONS_FILE, list(map(text_id, own))
    keep_predictions(path, ids, np.array([True, False]), model.scores(own), info_of(), units=np.arange(2))
    return SimpleNamespace(
        config=config, artifact=lambda family: f"artifacts/s-{family}", others=[others("hotels")], folder=folder
    )


def score(study: Any, name: str = "rules") -> list[str]:
    """The lines that are said."""
    lines: list[str] = []
    progress: Any = SimpleNamespace(say=lines.append)
    found = score_elsewhere(study, name, Cluster(4.0, 1.0), progress)
    assert found == any(line.startswith(f"{name}: on ") for line in lines)
    return lines


def test_only_what_was_not_scored_is_scored(study: Any, asked: list[Any], tmp_path: Path) -> None:
    first, *rest = score(study)
    assert first == "rules: scoring on hotels"
    assert rest[0].startswith("rules: on hotels F1 0.")
    assert asked == [(len(TEXTS), 2, 0)]
    study.others = [others("hotels"), others("fakes", slice(0, None, 2)), others("genuine", slice(1, None, 2))]
    lines = score(study)
    assert lines[0] == "rules: scoring on fakes, genuine"
    assert lines[1].startswith("rules: on fakes recall ")
    assert lines[2].startswith("rules: on genuine FPR ")
    assert len(asked) == 1  # the same texts
    study.others = [others("hotels", sha256="b" * 64), *study.others[1:]]
    assert score(study)[0] == "rules: scoring on hotels"
    assert score(study) == []
    rows = read_transfer(tmp_path / "artifacts" / "s-rules")
    assert [(row.name, row.data_sha256[0]) for row in rows] == [("hotels", "b"), ("fakes", "a"), ("genuine", "a")]


def test_rows_are_those_of_the_artifact_as_a_user_loads_it(study: Any, asked: list[Any], tmp_path: Path) -> None:
    study.others = [others("hotels"), others("fakes", slice(0, None, 2))]
    score(study)
    folder = tmp_path / "artifacts" / "s-rules"
    assert read_transfer(folder) == [transfer_scores(load(folder), each) for each in study.others]


def test_another_operating_point_is_scored_anew_and_another_artifact_from_its_texts(
    study: Any, asked: list[Any], tmp_path: Path
) -> None:
    score(study)
    place = tmp_path / "artifacts" / "s-rules" / "reviewtune.json"
    place.write_text(info_of(threshold=0.25).model_dump_json())
    assert score(study)[0] == "rules: scoring on hotels"
    assert [row.threshold for row in read_transfer(place.parent)] == [0.25]
    assert len(asked) == 1
    place.write_text(info_of(threshold=0.3, created="2026-01-02T00:00:00+00:00").model_dump_json())
    score(study)
    assert len(asked) == 2


def test_an_entry_without_an_artifact_and_a_study_without_others_are_passed_over(study: Any, asked: list[Any]) -> None:
    assert score(study, "tfidf") == []
    study.others = []
    assert score(study) == []
    assert asked == []


@pytest.mark.parametrize(
    "error",
    [
        ArtifactError("it is damaged"),
        MachineError("its worker died"),
        RuntimeError("CUDA out of memory.\nTried to allocate"),
        OSError("no space"),
    ],
)
def test_a_failure_is_a_line_and_costs_the_rows_alone(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(scores_of_texts, "on_worker", lambda work, **_: fail)
    _, line = score(study)
    assert line == f"rules: not scored on hotels: {' '.join(str(error).split())}"
    assert not (tmp_path / "artifacts" / "s-rules" / TRANSFER_FILE).exists()


def test_a_family_of_others_that_fails_costs_the_rows_alone(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise ValueError("3 features, not 2")

    monkeypatch.setattr(scores_of_texts, "on_worker", lambda work, **_: fail)
    give_away("rules", tmp_path, monkeypatch)
    _, line = score(study)
    said = "the code of rules of own-family 1.0 failed (ValueError: 3 features, not 2)"
    assert line == f"rules: not scored on hotels: {said}: update that package, or tell its authors"
    assert not (tmp_path / "artifacts" / "s-rules" / TRANSFER_FILE).exists()


def test_damaged_rows_are_said_and_left(study: Any, asked: list[Any], tmp_path: Path) -> None:
    place = tmp_path / "artifacts" / "s-rules" / TRANSFER_FILE
    place.write_text("[]")
    (line,) = score(study)
    assert line.startswith(f"rules: not scored on hotels: {place} is damaged (")
    assert (place.read_text(), asked) == ("[]", [])


def test_a_mistake_of_ours_is_not_taken_for_a_failure(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(scores_of_texts, "on_worker", lambda work, **_: fail)
    with pytest.raises(ZeroDivisionError):
        score(study)
