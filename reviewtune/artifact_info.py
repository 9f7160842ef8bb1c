"""What an artifact says of itself, in `reviewtune.json`: what its model's own files do not.

What the labels mean, the threshold and the calibration, which encoder, which data.
"""

from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.choice import Calibration
from reviewtune.evaluation.operating_basis import OperatingBasis
from reviewtune.evaluation.operating_point import class_weights
from reviewtune.families.registry import ENSEMBLE, known_families
from reviewtune.schema import ARTIFACT_FILE, ARTIFACT_SCHEMA, F1, LABEL_NAMES, Objective
from reviewtune.stored import Line, Sha256, Stored, read_stored

LONGEST_REVIEW = 131_072
"""Word pieces that any base model reads of a review, at most."""
STEEPEST = 1e9
"""Of a calibration: log-odds a unit of score, or the inverse. Models whose scores need more have diverged."""
MOST_FOLDS = 1_000
MEMBERS = "members"
"""Folder of an ensemble's artifact that holds those of its members, by family."""


class EncoderInfo(Stored):
    """The base model that an artifact was trained on and needs again."""

    name: Line
    revision: Annotated[str, StringConstraints(pattern=r"^[\w./-]{1,200}$")] | None
    max_length: int = Field(ge=1, le=LONGEST_REVIEW)


class ArtifactInfo(Stored):
    """What `reviewtune.json` holds."""

    schema_version: int = ARTIFACT_SCHEMA
    family: Line
    encoder: EncoderInfo | None
    params: dict[Line, str | bool | int | float | None]
    objective: Objective = F1
    """What it was selected by; `validation_f1` is F1 all the same."""
    folds: int = Field(0, ge=0, le=MOST_FOLDS)
    """Models under `folds/`, each trained on all folds but one: scores are the mean of theirs and of the one above."""
    labels: tuple[str, str] = LABEL_NAMES
    """Meaning of index 0 and 1."""
    calibration: Calibration
    """Turns the model's scores into fake probabilities; fitted on the validation split."""
    threshold: float = Field(ge=0, le=1)
    """A review is called fake where its fake probability is above this: where F1 on the validation split is to be
    expected highest, or, with `max_fpr`, where so few genuine reviews lie."""
    max_fpr: float | None = Field(None, gt=0, lt=1)
    """Limit of the false-alarm rate that the threshold keeps, with 95 % confidence."""
    prevalence: float | None = Field(None, gt=0, lt=1)
    """Share of fakes that fake probabilities are corrected to; None: that of the validation split."""
    basis: OperatingBasis | None = None
    """What other limits and shares can be asked by; None of an earlier version."""
    profiled: bool = False
    """Whether a profile of its training reviews lies beside; earlier versions kept none."""
    study_id: Line
    trial_id: Line
    data: Line
    data_sha256: Sha256
    split_sha256: Sha256
    validation_f1: float = Field(ge=0, le=1)
    code: Line
    versions: dict[Line, Line]
    created: Line

    @field_validator("family")
    @classmethod
    def _family_is_known(cls, family: str) -> str:
        names = known_families()
        if family not in (*names, ENSEMBLE):
            raise ValueError(
                f"the families are {', '.join(names)} and {ENSEMBLE}; of others a newer reviewtune knows, or "
                "the package that registers them"
            )
        return family

    @field_validator("labels")
    @classmethod
    def _labels_are_in_order(cls, labels: tuple[str, str]) -> tuple[str, str]:
        if labels != LABEL_NAMES:
            raise ValueError(f"they must be {list(LABEL_NAMES)}, in this order")
        return labels

    @field_validator("calibration")
    @classmethod
    def _calibration_is_sane(cls, calibration: Calibration) -> Calibration:
        if isinstance(calibration, PlattCalibration | BetaCalibration) and (
            not 1 / STEEPEST <= calibration.slope <= STEEPEST or abs(calibration.intercept) > STEEPEST
        ):
            raise ValueError(f"the slope must be from {1 / STEEPEST:g} to {STEEPEST:g}, the intercept no larger")
        if calibration.largest > STEEPEST:
            raise ValueError(f"its numbers must be no larger than {STEEPEST:g}")
        return calibration

    @model_validator(mode="after")
    def _operating_point_has_a_basis(self) -> Self:
        if self.basis is None and (self.max_fpr, self.prevalence) != (None, None):
            raise ValueError("max_fpr and prevalence need basis, what they were chosen by")
        return self

    def fake_probability(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) probabilities of (N,) scores, calibrated and corrected to `prevalence`."""
        probability = self.calibration.apply(scores)
        return self.basis.corrected(probability, self.prevalence) if self.basis else probability

    def log_odds(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) log-odds of the same probabilities, which tell apart what as a probability rounds to 1."""
        log_odds: NDArray[np.float64] = self.calibration.log_odds(scores)
        if self.basis is None or self.prevalence is None:
            return log_odds
        as_fake, as_genuine = class_weights(self.basis.fake_share, self.prevalence)
        return log_odds + float(np.log(as_fake / as_genuine))

    def at(self, max_fpr: float | None = None, prevalence: float | None = None) -> Self:
        """The same at another operating point; what is None stays as it is.

        Raises:
            ArtifactError: It is of an earlier version, which kept nothing to choose one by.
            DataError: There were too few genuine reviews for the limit.
            UsageError: A share is not between 0 and 1.
        """
        limit = self.max_fpr if max_fpr is None else max_fpr
        share = self.prevalence if prevalence is None else prevalence
        if (limit, share) == (self.max_fpr, self.prevalence):
            return self
        if self.basis is None:
            raise ArtifactError(
                f"the artifact of {self.study_id}-{self.family} is of a version that kept nothing to choose another "
                "limit or share by: delete its folder and run its study again"
            )
        threshold = self.basis.threshold(limit, share)
        return self.model_copy(update={"max_fpr": limit, "prevalence": share, "threshold": threshold})


def read_info(folder: Path) -> ArtifactInfo:
    """What an artifact says of itself.

    Raises:
        ArtifactError: The folder is no artifact, or one of a newer reviewtune.
    """
    path = folder / ARTIFACT_FILE
    if not path.is_file():
        raise ArtifactError(f"{folder} has no {ARTIFACT_FILE}: give an artifact's folder, as in results/artifacts/NAME")
    try:
        version = read_stored(path, _Versioned).schema_version
        if version > ARTIFACT_SCHEMA:
            raise ArtifactError(
                f"{path} has schema {version}, this reviewtune reads up to {ARTIFACT_SCHEMA}: upgrade it"
            )
        return read_stored(path, ArtifactInfo)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"the artifact {folder} is damaged ({error}): copy or export the artifact again") from None


class _Versioned(BaseModel):
    """What tells a file of a newer reviewtune, whatever else it holds."""

    schema_version: int = ARTIFACT_SCHEMA
