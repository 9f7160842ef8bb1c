"""Scores to probabilities by isotonic regression, strictly rising: a line from block to block instead of steps.

Isotonic regression (Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
estimates", KDD 2002) gives blocks of scores one probability, so that reviews lose their order. Here each block counts
at its centre only, and between centres the log-odds are interpolated (Oron and Flournoy, "Centered isotonic
regression", Statistics in Biopharmaceutical Research 2017). `N` is the number of reviews, `K` that of the blocks.
"""

from typing import Annotated, Literal, Self

import numpy as np
from annotated_types import MaxLen, MinLen
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from scipy.special import logit

from reviewtune.evaluation.calibration import FLAT_SLOPE, BaseCalibration, as_judged
from reviewtune.evaluation.logistic import smoothed_targets

MOST_KNOTS = 10_000
Knots = Annotated[tuple[float, ...], MinLen(1), MaxLen(MOST_KNOTS)]


class IsotonicCalibration(BaseCalibration):
    """Log-odds on lines between knots, and all but level outside of them."""

    kind: Literal["isotonic"] = "isotonic"
    scores: Knots
    """(K,) rising."""
    values: Knots
    """(K,) log-odds at these scores, rising."""
    tail: float = Field(gt=0)
    """Log-odds per unit of score below the first knot and above the last: next to nothing, so that the order stays."""

    @model_validator(mode="after")
    def _knots_rise(self) -> Self:
        if len(self.scores) != len(self.values):
            raise ValueError(f"there must be as many values as scores: not {len(self.values)} and {len(self.scores)}")
        if any((np.diff(each) <= 0).any() for each in (self.scores, self.values)):
            raise ValueError("scores and values must rise from knot to knot")
        return self

    @classmethod
    def fit(cls, scores: ArrayLike, fake: ArrayLike) -> Self:
        """The blocks of least squares under smoothed targets (`logistic`), which keep them off 0 and 1.

        Args:
            scores: (N,) finite scores of any scale, higher where a review looks more fake.
            fake: (N,) true where the review is fake.

        Raises:
            DataError: As `PlattCalibration.fit`.

        Examples:
            >>> calibration = IsotonicCalibration.fit([-3, -1, 0, 1, 2, 4], [False, False, True, False, True, True])
            >>> calibration.apply([-2, 0, 2]).round(2).tolist()
            [0.2, 0.43, 0.7]
        """
        from scipy.optimize import isotonic_regression

        given, truth = as_judged(scores, fake)
        distinct, place, count = np.unique(given, return_inverse=True, return_counts=True)
        mean = np.bincount(place, weights=smoothed_targets(truth)) / count
        blocks = isotonic_regression(mean, weights=count).blocks[:-1]
        weight = np.add.reduceat(count, blocks)
        centre = np.add.reduceat(distinct * count, blocks) / weight
        value = logit(np.add.reduceat(mean * count, blocks) / weight)
        rising = _new_heights(value) & _new_heights(centre)  # rounding may level two blocks
        return cls(
            scores=tuple(centre[rising].tolist()),
            values=tuple(value[rising].tolist()),
            tail=FLAT_SLOPE / max(float(given.std()), FLAT_SLOPE),
        )

    def even_log_odds(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) log-odds on the line through the first and the last knot; of a single knot as they are.

        Examples:
            >>> calibration = IsotonicCalibration(scores=(-1.0, 0.0, 3.0), values=(-2.0, 1.0, 2.0), tail=1e-6)
            >>> calibration.even_log_odds(np.array([-2.0, 0.0, 3.0])).tolist()
            [-3.0, -1.0, 2.0]
        """
        if len(self.scores) == 1:
            return self.log_odds(scores)
        slope = (self.values[-1] - self.values[0]) / (self.scores[-1] - self.scores[0])
        return np.asarray(self.values[0] + slope * (scores - self.scores[0]))

    def _rising(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        beyond = np.minimum(scores - self.scores[0], 0) + np.maximum(scores - self.scores[-1], 0)
        return np.asarray(np.interp(scores, self.scores, self.values) + self.tail * beyond)


def _new_heights(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(K,) true where a value lies above all before it."""
    return np.append(True, values[1:] > np.maximum.accumulate(values)[:-1])
