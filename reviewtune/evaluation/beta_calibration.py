"""Scores to probabilities by beta calibration: a sigmoid that may rise at another rate above than below its middle.

Kull, Silva Filho and Flach, "Beta calibration: a well-founded and easily implemented improvement on logistic
calibration for binary classifiers", AISTATS 2017: log-odds that are linear in ln p and -ln(1 - p), neither weight
negative. Scores of any scale become the p of a Platt calibration first. `N` is the number of reviews.
"""

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from reviewtune.evaluation.calibration import FLAT_SLOPE, BaseCalibration, PlattCalibration
from reviewtune.evaluation.labels import as_labels
from reviewtune.evaluation.logistic import rising_logistic, smoothed_targets


class BetaCalibration(BaseCalibration):
    """log-odds = above * ln(1 + e^x) - below * ln(1 + e^-x) + offset, where x = slope * score + intercept."""

    kind: Literal["beta"] = "beta"
    slope: float = Field(gt=0)
    """Of the Platt calibration: its log-odds per unit of score."""
    intercept: float
    """Its log-odds at score 0."""
    above: float = Field(gt=0)
    """Log-odds per unit of x far above 0."""
    below: float = Field(gt=0)
    """Log-odds per unit of x far below 0."""
    offset: float
    """With `above` and `below`, the log-odds where x is 0."""

    @classmethod
    def fit(cls, scores: ArrayLike, fake: ArrayLike) -> Self:
        """The calibration of highest likelihood under smoothed targets (`logistic`).

        Args:
            scores: (N,) finite scores of any scale, higher where a review looks more fake.
            fake: (N,) true where the review is fake.

        Raises:
            DataError: As `PlattCalibration.fit`.

        Examples:
            >>> calibration = BetaCalibration.fit([-3, -1, 0, 1, 2, 4], [False, False, True, False, True, True])
            >>> calibration.apply([-2, 0, 2]).round(2).tolist()
            [0.26, 0.45, 0.65]
        """
        line = PlattCalibration.fit(scores, fake)
        (truth,) = as_labels(fake=fake)
        weights, offset = rising_logistic(_columns(line.log_odds(scores)), smoothed_targets(truth), least=FLAT_SLOPE)
        above, below = map(float, weights)
        return cls(slope=line.slope, intercept=line.intercept, above=above, below=below, offset=offset)

    def _rising(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        upper, lower = _columns(self.slope * scores + self.intercept).T
        return np.asarray(self.above * upper + self.below * lower + self.offset)


def _columns(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) -ln(1 - p) and ln p of the (N,) log-odds of p: both rise with them."""
    return np.column_stack([np.logaddexp(0, odds), -np.logaddexp(0, -odds)])
