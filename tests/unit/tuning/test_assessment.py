"""The selected trial's artifact: written, read back and scored, without Ray."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import reviewtune
from reviewtune.artifact import read_info
from reviewtune.data.sample import generate
from reviewtune.errors import DataError, StudyError
from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.operating_point import rank_at_fpr
from reviewtune.families.base import Leg, Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.leaderboard.entry import PREDICTIONS_FILE
from reviewtune.leaderboard.scores import Selection
from reviewtune.profile import Profile
from reviewtune.tuning import assessment
from reviewtune.tuning.assessment import SPEED_SAMPLE, Finalist, assess, check_from_texts
from reviewtune.tuning.chosen import Chosen, choose_by_validation
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE
from reviewtune.tuning.records import EpochRecord, TrialRecord


def epoch(number: float, f1: float) -> EpochRecord:
    return EpochRecord(epoch=number, f1=f1, accuracy=f1, roc_auc=f1, fit_seconds=number)


def chosen_of(record: TrialRecord) -> Chosen:
    chosen = choose_by_validation([record])
    assert chosen is not None
    return chosen


@pytest.fixture
def finalist(tmp_path: Path) -> Finalist:
    """A TF-IDF trial on 200 reviews of the sample."""
    rows = generate(200, seed=5).to_pylist()
    texts, fake = [row["text"] for row in rows], np.array([row["label"] == "fake" for row in rows])
    parts = {name: slice(*ends) for name, ends in {"a": (0, 100), "b": (100, 150), "c": (150, 200)}.items()}
    train, validation, test = (Rows(texts[part], fake[part]) for part in parts.values())
    params = get_family("tfidf").params().model_dump()
    record = TrialRecord(trial_id="t1", number=1, params=params, status="finished", epochs=[epoch(1, 0.625)])
    return Finalist(
        family="tfidf",
        chosen=chosen_of(record),
        setting=Setting(seed=3),
        train=train,
        judges=validation,
        test=test,
        judge_ids=[f"v{number}" for number in range(50)],
        judge_units=np.arange(50),
        test_units=np.arange(50),
        test_ids=[f"t{number}" for number in range(50)],
        test_texts=test.inputs,
        profile=Profile.of(texts, fake, np.arange(200)),
        encoder=None,
        study_id="s",
        data="sample",
        data_sha256="d" * 64,
        split_sha256="e" * 64,
        objective="log_loss",
        results_dir=tmp_path,
        artifact="artifacts/s-tfidf",
        folder=tmp_path / "studies" / "s" / "tfidf",
    )


def test_what_is_scored_is_what_the_artifact_says_of_the_test_split(finalist: Finalist, tmp_path: Path) -> None:
    test, speed = assess(finalist)
    classifier = reviewtune.load(tmp_path / "artifacts" / "s-tfidf")
    probability = classifier.fake_probability(finalist.test_texts)
    expected: dict[str, Any] = classification_scores(
        finalist.test.fake, probability, probability > classifier.info.threshold
    )
    assert {name: getattr(test, name) for name in expected} == pytest.approx(expected)
    assert test.f1_low <= test.f1 <= test.f1_high
    assert speed > 0


def test_the_artifact_says_what_it_is_of(finalist: Finalist, tmp_path: Path) -> None:
    assess(finalist)
    info = read_info(tmp_path / "artifacts" / "s-tfidf")
    told = (info.family, info.study_id, info.trial_id, info.data, info.data_sha256, info.split_sha256)
    assert told == ("tfidf", "s", "t1", "sample", "d" * 64, "e" * 64)
    assert (info.params, info.validation_f1, info.encoder) == (finalist.chosen.record.params, 0.625, None)
    assert (info.objective, info.folds) == ("log_loss", 0)
    assert info.code.startswith("reviewtune")
    assert {"python", "numpy", "ray"} <= info.versions.keys()
    assert info.created.startswith("20")


def test_what_it_says_of_each_review_of_either_split_is_kept(finalist: Finalist, tmp_path: Path) -> None:
    assess(finalist)
    for name, ids, rows in (
        (VALIDATION_PREDICTIONS_FILE, finalist.judge_ids, finalist.judges),
        (PREDICTIONS_FILE, finalist.test_ids, finalist.test),
    ):
        table = pq.read_table(finalist.folder / name)
        assert table["id"].to_pylist() == ids
        assert table["fake"].to_pylist() == rows.fake.tolist()
        classifier = reviewtune.load(tmp_path / "artifacts" / "s-tfidf")
        np.testing.assert_allclose(table["fake_probability"], classifier.fake_probability(rows.inputs), atol=1e-6)


def test_what_folds_said_calibrates_and_is_kept(finalist: Finalist) -> None:
    scores = np.where(finalist.judges.fake, 1.5, -2.0)
    selection = Selection(f1=0.75, standard_error=0.01, folds=5, seeds=1, highest_f1=0.75)
    assess(replace(finalist, chosen=replace(finalist.chosen, selection=selection, scores=scores)))
    table = pq.read_table(finalist.folder / VALIDATION_PREDICTIONS_FILE)
    assert table["score"].to_pylist() == scores.tolist()
    assert table["predicted"].to_pylist() == finalist.judges.fake.tolist()
    assert read_info(finalist.results_dir / finalist.artifact).validation_f1 == 0.75


def test_what_was_asked_of_false_alarms_and_of_the_share_of_fakes_is_kept(finalist: Finalist) -> None:
    test, _ = assess(replace(finalist, max_fpr=0.2, prevalence=0.1))
    info = read_info(finalist.results_dir / finalist.artifact)
    assert (info.max_fpr, info.prevalence) == (0.2, 0.1)
    table = pq.read_table(finalist.folder / VALIDATION_PREDICTIONS_FILE)
    probability, genuine = table["fake_probability"].to_numpy(), ~finalist.judges.fake
    assert (probability[genuine] > info.threshold).sum() == rank_at_fpr(int(genuine.sum()), 0.2) - 1
    assert test.precision_at_prevalence is not None
    card = (finalist.results_dir / finalist.artifact / "README.md").read_text()
    assert "called fake at 0.2 or less, with 95 %" in card
    assert "corrected to where 0.1 of the reviews are fake" in card
    with pytest.raises(DataError, match=r"needs 299 unrelated genuine reviews"):
        assess(replace(finalist, max_fpr=0.01))


class Counting:
    """A family whose model after a leg is the leg's epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.params = get_family("mlp").params

    def fit(self, params: Any, train: Rows, setting: Setting) -> Any:
        del params, train, setting
        return (Leg(number, self.epochs, f"model {number}", {}) for number in range(1, self.epochs + 1))

    def load(self, folder: Path) -> str:
        return f"model of {folder}"


def with_epochs(finalist: Finalist, *f1: float, model: str | None = None) -> Finalist:
    epochs = [epoch(number, each) for number, each in enumerate(f1, 1)]
    record = finalist.chosen.record.model_copy(update={"epochs": epochs, "model": model, "params": {}})
    return replace(finalist, chosen=chosen_of(record))


def test_a_model_that_was_not_kept_is_fitted_again_up_to_its_best_epoch(
    finalist: Finalist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessment, "get_family", lambda name: Counting(3))
    assert assessment._model(with_epochs(finalist, 0.5, 0.7, 0.6)) == "model 2"


def test_a_trial_that_has_seen_a_share_of_the_rows_alone_is_fitted_to_its_end(
    finalist: Finalist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessment, "get_family", lambda name: Counting(3))
    record = with_epochs(finalist, 0.5).chosen.record
    record = record.model_copy(update={"epochs": [record.epochs[0].model_copy(update={"epoch": 0.1, "share": 0.1})]})
    assert assessment._model(replace(finalist, chosen=chosen_of(record))) == "model 3"


def test_a_model_that_was_kept_is_read(finalist: Finalist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assessment, "get_family", lambda name: Counting(3))
    kept = with_epochs(finalist, 0.5, model="models/t1/best")
    assert assessment._model(kept) == f"model of {tmp_path}/models/t1/best"


def test_a_fit_that_ends_too_early_is_said(finalist: Finalist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessment, "get_family", lambda name: Counting(1))
    with pytest.raises(StudyError, match="trial t1 of tfidf ended before its best epoch, 2: run it again"):
        assessment._model(with_epochs(finalist, 0.5, 0.7))


class Told:
    """A classifier that gives the same scores whatever it reads."""

    def __init__(self, scores: Any) -> None:
        self.answers, self.asked = np.asarray(scores, dtype=float), []
        self.info: Any = type("Info", (), {"family": "svm"})

    def scores(self, texts: list[str]) -> Any:
        self.asked.append(len(texts))
        return self.answers[: len(texts)]


@pytest.mark.parametrize(
    ("said", "expected", "differs"),
    [
        ([0.5, -0.5, 0.1], [0.5, -0.5, 0.1], False),
        ([0.5, -0.5, 0.14], [0.5, -0.5, 0.1], False),
        ([0.5, -0.5, 0.16], [0.5, -0.5, 0.1], True),
        ([100.0, -0.5, 4.9], [100.0, -0.5, 0.0], False),
        ([-100.0, -0.5, 4.9], [-100.0, -0.5, 0.0], False),
        ([-100.0, -0.5, 5.1], [-100.0, -0.5, 0.0], True),
        ([-0.5, -0.5, 0.1], [0.5, -0.5, 0.1], True),
    ],
)
def test_texts_must_score_as_the_stored_inputs_did(said: list[float], expected: list[float], *, differs: bool) -> None:
    """Within five hundredths of the largest score, or of 1 where all are smaller."""
    classifier: Any = Told(said)
    if not differs:
        assert check_from_texts(classifier, ["text"] * 3, np.array(expected)) > 0
        return
    with pytest.raises(StudyError, match=r"the artifact of svm scores texts .* its encoder or its files"):
        check_from_texts(classifier, ["text"] * 3, np.array(expected))


def test_a_sample_is_timed_once_the_classifier_is_warm() -> None:
    many = SPEED_SAMPLE + 50
    classifier: Any = Told(np.zeros(many))
    check_from_texts(classifier, ["text"] * many, np.zeros(many))
    assert classifier.asked == [2, SPEED_SAMPLE]
