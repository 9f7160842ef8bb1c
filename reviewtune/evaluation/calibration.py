"""Scores to probabilities, fitted on reviews that the classifier was not. `N` is the number of reviews.

Every calibration rises with the score, if ever so little, so that the order of the reviews is that of their scores, and
what is called fake is what scores above some score. `choice` picks among them.
"""

from abc import abstractmethod
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit, logit

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels, require_both_classes
from reviewtune.evaluation.logistic import smoothed_targets

FLAT_SLOPE = 1e-6
"""Slope, in units of the scores' spread, where the scores tell nothing: flat, but the order of the scores is kept."""


class BaseCalibration(BaseModel):
    """A rising function from scores to log-odds, in plain numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def apply(self, scores: ArrayLike) -> NDArray[np.float64]:
        """(N,) probabilities in the order of the (N,) scores.

        Raises:
            DataError: A score is NaN.

        Examples:
            >>> PlattCalibration(slope=2.0, intercept=-1.0).apply([-1, 0.5, 3]).round(3).tolist()
            [0.047, 0.5, 0.993]
        """
        return np.asarray(expit(self.log_odds(scores)))

    def log_odds(self, scores: ArrayLike) -> NDArray[np.float64]:
        """(N,) log-odds of the (N,) scores, which tell apart what as a probability rounds to 1.

        Raises:
            DataError: A score is NaN.

        Examples:
            >>> PlattCalibration(slope=2.0, intercept=-1.0).log_odds([-1, 0.5, 3]).tolist()
            [-3.0, 0.0, 5.0]
        """
        values = np.asarray(scores, dtype=np.float64)
        if np.isnan(values).any():
            raise DataError(
                f"a score must be a number, but that of row {int(np.flatnonzero(np.isnan(values))[0])} is NaN"
            )
        with np.errstate(over="ignore"):
            return self._rising(values)

    def even_log_odds(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) log-odds in which a step of the score counts alike wherever it is made, were it level there.

        For differences, which tell what moves a score; the log-odds themselves where a calibration is level nowhere.

        Examples:
            >>> PlattCalibration(slope=2.0, intercept=-1.0).even_log_odds(np.array([0.0, 1.0])).tolist()
            [-1.0, 1.0]
        """
        return self.log_odds(scores)

    @property
    def largest(self) -> float:
        """The largest of its numbers, signs aside."""
        numbers = [value for value in self.model_dump().values() if not isinstance(value, str)]
        return max(float(np.abs(value).max()) for value in numbers)

    @abstractmethod
    def _rising(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) log-odds of (N,) numbers, the infinite ones included."""


class PlattCalibration(BaseCalibration):
    """A rising sigmoid of the score: probability = 1 / (1 + exp(-(slope * score + intercept)))."""

    kind: Literal["platt"] = "platt"
    slope: float = Field(gt=0)
    """Log-odds per unit of score."""
    intercept: float
    """Log-odds at score 0."""

    @classmethod
    def fit(cls, scores: ArrayLike, fake: ArrayLike) -> Self:
        """The sigmoid of highest likelihood under smoothed targets (`logistic`).

        Args:
            scores: (N,) finite scores of any scale, higher where a review looks more fake.
            fake: (N,) true where the review is fake.

        Raises:
            DataError: The arrays are empty or differ in length, a score is not finite, or a class is missing.

        Examples:
            >>> calibration = PlattCalibration.fit([-3, -1, 0, 1, 2, 4], [False, False, True, False, True, True])
            >>> calibration.apply([-2, 0, 2]).round(2).tolist()
            [0.26, 0.45, 0.65]
        """
        values, truth = as_judged(scores, fake)
        largest = float(np.abs(values).max()) or 1.0  # dividing first keeps huge scores' variance finite
        centre, spread = float((values / largest).mean()), float((values / largest).std())
        targets = smoothed_targets(truth)
        # Where the scores are constant, or higher for genuine reviews, the best sigmoid that does not fall is flat at
        # the share of fakes.
        slope, height = FLAT_SLOPE, float(logit(targets.mean()))
        if spread > 1e-12:
            fitted = _logistic((values / largest - centre) / spread, targets)
            slope, height = fitted if fitted[0] > FLAT_SLOPE else (slope, height)
        else:
            spread = 1.0
        limits = np.finfo(np.float64)
        with np.errstate(over="ignore"):
            steepness = np.clip(np.float64(slope / spread) / largest, limits.tiny, limits.max)
        return cls(slope=float(steepness), intercept=height - slope / spread * centre)

    def _rising(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.slope * scores + self.intercept


def _logistic(scores: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of a logistic regression on targets in (0, 1): each row once as fake, once as genuine."""
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([scores, scores])[:, None]
    labels = np.repeat([True, False], len(scores))
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    model.fit(rows, labels, sample_weight=np.concatenate([targets, 1 - targets]))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def as_judged(scores: ArrayLike, fake: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N,) finite scores and (N,) labels of both classes: what a calibration is fitted on.

    Raises:
        DataError: The arrays are empty or differ in length, a score is not finite, or a class is missing.

    Examples:
        >>> as_judged([0.2, -1], [True, False])
        (array([ 0.2, -1. ]), array([ True, False]))
        >>> as_judged([0.2, float("nan")], [True, False])
        Traceback (most recent call last):
        reviewtune.errors.DataError: calibration needs finite scores, but row 1 has nan: the model has diverged
    """
    (truth,) = as_labels(fake=fake)
    values = as_scores(scores, len(truth))
    require_both_classes(truth, "calibration")
    return values, truth


def as_scores(scores: ArrayLike, length: int) -> NDArray[np.float64]:
    """(N,) finite scores.

    Raises:
        DataError: There are not as many, or one is not finite.

    Examples:
        >>> as_scores([0.2, -1], length=2).tolist()
        [0.2, -1.0]
        >>> as_scores([0.2, -1], length=3)
        Traceback (most recent call last):
        reviewtune.errors.DataError: scores must have one value a review, (3,), but their shape is (2,)
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (length,):
        raise DataError(f"scores must have one value a review, ({length},), but their shape is {values.shape}")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(f"calibration needs finite scores, but row {row} has {values[row]}: the model has diverged")
    return values
