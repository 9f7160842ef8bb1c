"""The one place where the test split is opened: once, for the trial that validation selected.

The selected configuration becomes an artifact, the artifact is loaded from its folder as a user would load it, and what
it says of the test split is scored.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reviewtune.artifact import ArtifactInfo, EncoderInfo, now, write_artifact
from reviewtune.data.store import write_parquet
from reviewtune.encoders.registry import Encoder
from reviewtune.errors import StudyError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.significance import f1_interval
from reviewtune.families.base import Model, Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.leaderboard.entry import TestScores
from reviewtune.predict import load
from reviewtune.schema import FAKE, FAKE_PROBABILITY, ID
from reviewtune.tuning.provenance import code_version, library_versions
from reviewtune.tuning.records import EpochRecord, TrialRecord

SPEED_SAMPLE = 128
"""Test reviews that the whole way from text to probability is timed on."""

TOLERANCE = 0.05
"""Largest difference between scores from stored inputs and from the texts, as a share of the largest score: other
batches and devices round differently (bfloat16 on a GPU keeps eight bits), another encoder is far beyond it."""


@dataclass(frozen=True)
class Finalist:
    """A selected trial and what its assessment needs.

    Attributes:
        family: Its name.
        record: The trial.
        setting: The study's.
        train, validation, test: The rows, as the family reads them.
        test_texts, test_ids: (N,) of the same test rows.
        encoder: Its base model, if it has one.
        study_id, data, data_sha256, split_sha256: What it was selected on.
        results_dir: For the artifact.
        artifact: The artifact's folder, relative to `results_dir`.
        predictions: Parquet file for what the artifact says of each test review.
    """

    family: str
    record: TrialRecord
    setting: Setting
    train: Rows
    validation: Rows
    test: Rows
    test_texts: list[str]
    test_ids: list[str]
    encoder: Encoder | None
    study_id: str
    data: str
    data_sha256: str
    split_sha256: str
    results_dir: Path
    artifact: str
    predictions: Path


def assess(finalist: Finalist) -> tuple[TestScores, float]:
    """Write the finalist's artifact and score it on the test split.

    Returns:
        The test scores, and the reviews a second from text to probability.

    Raises:
        StudyError: The artifact does not say of the texts what the model says of the stored inputs.
    """
    folder = finalist.results_dir / finalist.artifact
    model = _model(finalist)
    calibration = PlattCalibration.fit(model.scores(finalist.validation.inputs), finalist.validation.fake)
    write_artifact(folder, _info(finalist, calibration), model)
    del model
    classifier = load(folder)
    scores = get_family(finalist.family).load(folder).scores(finalist.test.inputs)
    speed = _check_from_texts(classifier, finalist, scores)
    probability, predicted = calibration.apply(scores), scores > 0
    table = {
        ID: finalist.test_ids,
        FAKE: finalist.test.fake,
        FAKE_PROBABILITY: probability,
        "predicted": predicted,
    }
    write_parquet(pa.table(table), finalist.predictions)
    low, high = f1_interval(finalist.test.fake, predicted, seed=finalist.setting.seed)
    measured: dict[str, Any] = classification_scores(finalist.test.fake, probability, predicted)
    return TestScores(**measured, f1_low=low, f1_high=high), speed


def _model(finalist: Finalist) -> Model:
    """The selected model: as its trial kept it, or, where a family keeps none, fitted again up to its best epoch."""
    family = get_family(finalist.family)
    if finalist.record.model:
        return family.load(finalist.results_dir / finalist.record.model)
    best = _best(finalist)
    params = family.params.from_values(finalist.record.params)
    for leg in family.fit(params, finalist.train, finalist.setting):
        if leg.epoch == best.epoch:
            return leg.model
    raise StudyError(
        f"trial {finalist.record.trial_id} of {finalist.family} ended before its best epoch, {best.epoch:g}: "
        "run it again"
    )


def _best(finalist: Finalist) -> EpochRecord:
    best = finalist.record.best
    if best is None:
        raise StudyError(
            f"trial {finalist.record.trial_id} of {finalist.family} has no scored epoch: select another trial"
        )
    return best


def _check_from_texts(classifier: Any, finalist: Finalist, scores: NDArray[np.float64]) -> float:
    """Reviews a second from text to probability, having checked that this way gives the same scores.

    Args:
        classifier: The loaded artifact.
        finalist: Whose test texts.
        scores: (N,) what its model says of the stored inputs of the same rows.
    """
    sample = finalist.test_texts[:SPEED_SAMPLE]
    classifier.scores(sample[:2])
    start = time.perf_counter()
    from_texts = classifier.scores(sample)
    seconds = time.perf_counter() - start
    expected = scores[: len(sample)]
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(from_texts - expected).max()) / scale
    if difference > TOLERANCE:
        raise StudyError(
            f"the artifact of {finalist.family} scores texts {difference:.2g} away from what was evaluated, more than "
            f"{TOLERANCE:g}: its encoder or its files are not those of the study"
        )
    return len(sample) / seconds


def _info(finalist: Finalist, calibration: PlattCalibration) -> ArtifactInfo:
    encoder = finalist.encoder
    return ArtifactInfo(
        family=finalist.family,
        encoder=encoder and EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length),
        params=finalist.record.params,
        calibration=calibration,
        threshold=calibration.threshold,
        study_id=finalist.study_id,
        trial_id=finalist.record.trial_id,
        data=finalist.data,
        data_sha256=finalist.data_sha256,
        split_sha256=finalist.split_sha256,
        validation_f1=_best(finalist).f1,
        code=code_version(),
        versions=library_versions(),
        created=now(),
    )
