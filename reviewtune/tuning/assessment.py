"""Where the test split is opened: once, for the configuration that was chosen.

What came of it is kept; `ensemble` reads that. The selected configuration becomes an artifact, the artifact is loaded
from its folder as a user would load it, and what it says of the test split is scored.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reviewtune.artifact import now, write_artifact
from reviewtune.artifact_info import ArtifactInfo, EncoderInfo
from reviewtune.encoders.registry import Encoder
from reviewtune.errors import StudyError
from reviewtune.evaluation.operating_basis import OperatingPoint, calibrated
from reviewtune.families.base import Model, Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.leaderboard.entry import PREDICTIONS_FILE
from reviewtune.leaderboard.scores import TestScores
from reviewtune.predict import Classifier, load
from reviewtune.profile import Profile
from reviewtune.schema import Objective
from reviewtune.storage.mirror import fetch
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE, keep_predictions, scores_on_test
from reviewtune.tuning.provenance import code_version, library_versions

SPEED_SAMPLE = 128
"""Test reviews that the whole way from text to probability is timed on."""

TOLERANCE = 0.05
"""Largest difference between scores from stored inputs and from the texts, as a share of the largest score: other
batches and devices round differently (bfloat16 on a GPU keeps eight bits), another encoder is far beyond it."""


@dataclass(frozen=True)
class Finalist:
    """A chosen configuration and what its assessment needs.

    Attributes:
        family: Its name.
        chosen: The configuration.
        setting: The study's.
        train: What its model is fitted on, as the family reads it.
        judges: What chose it: the validation split, or all development rows, each held out from some training.
        test: The test split.
        judge_ids, test_ids, test_texts: (N,) of the same rows.
        judge_units, test_units: (N,) the cluster of each of them.
        profile: Of the reviews that its model is fitted on.
        encoder: Its base model, if it has one.
        study_id, data, data_sha256, split_sha256: What it was selected on.
        objective: What it was selected by.
        results_dir: For the artifact.
        artifact: The artifact's folder, relative to `results_dir`.
        folder: For what the artifact says of each validation and test review.
        max_fpr, prevalence: The operating point that was asked for.
    """

    family: str
    chosen: Chosen
    setting: Setting
    train: Rows
    judges: Rows
    test: Rows
    judge_ids: list[str]
    test_ids: list[str]
    test_texts: list[str]
    judge_units: NDArray[np.int64]
    test_units: NDArray[np.int64]
    profile: Profile
    encoder: Encoder | None
    study_id: str
    data: str
    data_sha256: str
    split_sha256: str
    objective: Objective
    results_dir: Path
    artifact: str
    folder: Path
    max_fpr: float | None = None
    prevalence: float | None = None


def assess(finalist: Finalist) -> tuple[TestScores, float]:
    """Write the finalist's artifact and score it on the test split.

    Returns:
        The test scores, and the reviews a second from text to probability.

    Raises:
        StudyError: The artifact does not say of the texts what the model says of the stored inputs.
    """
    artifact, judges, test = finalist.results_dir / finalist.artifact, finalist.judges, finalist.test
    model, scores = _model(finalist), finalist.chosen.scores
    if scores is None:
        scores = model.scores(judges.inputs)
    asked = {"max_fpr": finalist.max_fpr, "prevalence": finalist.prevalence}
    info = _info(finalist, calibrated(scores, judges.fake, finalist.judge_units, **asked))
    write_artifact(artifact, info, model, finalist.profile)
    del model
    classifier = load(artifact)
    test_scores = classifier.model.scores(test.inputs)
    speed = check_from_texts(classifier, finalist.test_texts, test_scores)
    folder = finalist.folder
    validation_file = folder / VALIDATION_PREDICTIONS_FILE
    keep_predictions(validation_file, finalist.judge_ids, judges.fake, scores, info, units=finalist.judge_units)
    keep_predictions(
        folder / PREDICTIONS_FILE, finalist.test_ids, test.fake, test_scores, info, units=finalist.test_units
    )
    return scores_on_test(test.fake, test_scores, info, finalist.test_units), speed


def _model(finalist: Finalist) -> Model:
    """The chosen model: as its trials kept it, or, where a family keeps none, fitted again up to its epoch."""
    family, chosen = get_family(finalist.family), finalist.chosen
    folders = [fetch(finalist.results_dir / model) for model in chosen.models]
    if len(folders) > 1:
        from reviewtune.families.qlora_folds import FoldedQlora

        return FoldedQlora(folders)
    if folders:
        return family.load(folders[0])
    params = family.params.from_values(chosen.record.params)
    for leg in family.fit(params, finalist.train, finalist.setting):
        if leg.last if chosen.epoch is None else leg.epoch == chosen.epoch:
            return leg.model
    raise StudyError(
        f"trial {chosen.record.trial_id} of {finalist.family} ended before its best epoch, {chosen.epoch or 0:g}: "
        "run it again"
    )


def check_from_texts(classifier: Classifier, texts: list[str], scores: NDArray[np.float64]) -> float:
    """Reviews a second from text to probability, having checked that this way gives the same scores.

    Args:
        classifier: The loaded artifact.
        texts: N, of which a sample is enough.
        scores: (N,) what is to be expected of them.

    Raises:
        StudyError: It says something else.
    """
    sample = texts[:SPEED_SAMPLE]
    classifier.scores(sample[:2])
    start = time.perf_counter()
    from_texts = classifier.scores(sample)
    seconds = time.perf_counter() - start
    expected = scores[: len(sample)]
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(from_texts - expected).max()) / scale
    if difference > TOLERANCE:
        raise StudyError(
            f"the artifact of {classifier.info.family} scores texts {difference:.2g} away from what was evaluated, "
            f"more than {TOLERANCE:g}: its encoder or its files are not those of the study"
        )
    return len(sample) / seconds


def _info(finalist: Finalist, point: OperatingPoint) -> ArtifactInfo:
    encoder, chosen = finalist.encoder, finalist.chosen
    best = chosen.record.best
    assert best is not None
    return ArtifactInfo(
        family=finalist.family,
        encoder=encoder and EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length),
        params=chosen.record.params,
        objective=finalist.objective,
        folds=max(0, len(chosen.models) - 1),
        **vars(point),
        study_id=finalist.study_id,
        trial_id=chosen.record.trial_id,
        data=finalist.data,
        data_sha256=finalist.data_sha256,
        split_sha256=finalist.split_sha256,
        validation_f1=chosen.selection.f1 if chosen.selection else best.f1,
        code=code_version(),
        versions=library_versions(),
        created=now(),
    )
