"""Several classifiers as one: a logistic regression on what each says of a review, none with a negative weight.

Stacked generalisation (Wolpert, 1992). Weights that are not negative keep it from using one classifier to correct the
noise of another (Breiman, "Stacked regressions", 1996), and leave out the classifiers that add nothing.
Shape letters: `N` reviews, `M` classifiers.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.model_selection import StratifiedKFold

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels, require_both_classes

FOLDS = 5
LEAST_SHARE = 0.01
"""Of how far all classifiers move the log-odds, a standard deviation each: what moves them less is left out, since
running it costs more than it tells."""
DIGITS = 4
"""That count: more than N reviews can tell, and short enough to be read."""


class Stacking(BaseModel):
    """Log-odds of an ensemble: the intercept, and each member's log-odds times its weight."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    weights: dict[str, PositiveFloat] = Field(min_length=1)
    """By member."""
    intercept: float

    @classmethod
    def fit(cls, log_odds: Mapping[str, ArrayLike], fake: ArrayLike) -> Self:
        """The weights of highest likelihood, under Platt's smoothed targets, which keep them finite.

        Args:
            log_odds: (N,) finite values by classifier, above 0 where it calls the review rather fake.
            fake: (N,) true where the review is fake. None of the classifiers was fitted on these reviews.

        Raises:
            DataError: The arrays are empty or differ in length, a value is not finite, a class is missing, or no
                classifier tells more than chance.
        """
        (truth,) = as_labels(fake=fake)
        require_both_classes(truth, "stacking")
        table = _table(log_odds, len(truth))
        fakes = int(truth.sum())
        targets = np.where(truth, (fakes + 1) / (fakes + 2), 1 / (len(truth) - fakes + 2))

        def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            odds = table @ point[:-1] + point[-1]
            error = (expit(odds) - targets) / len(targets)
            return float(np.mean(np.logaddexp(0, odds) - targets * odds)), np.append(error @ table, error.sum())

        members = table.shape[1]
        # From zero, so that a classifier that tells nothing keeps no weight.
        start, bounds = np.zeros(members + 1), [(0, None)] * members + [(None, None)]
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        moved = dict(zip(log_odds, found.x[:-1] * table.std(axis=0), strict=True))
        kept = [name for name in moved if moved[name] > LEAST_SHARE * sum(moved.values())]
        if not kept:
            raise DataError("stacking finds no classifier that tells more than chance: tune them longer")
        if len(kept) < members:
            return cls.fit({name: log_odds[name] for name in kept}, truth)
        weights = {name: float(f"{weight:.{DIGITS}g}") for name, weight in zip(log_odds, found.x[:-1], strict=True)}
        return cls(weights=weights, intercept=round(float(found.x[-1]), DIGITS))

    def apply(self, log_odds: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(N,) log-odds from (N,) log-odds of each member; further classifiers are not looked at."""
        weighed = [weight * log_odds[name] for name, weight in self.weights.items()]
        return np.asarray(np.sum(weighed, axis=0) + self.intercept)

    @property
    def params(self) -> dict[str, float]:
        """Weights and intercept side by side, as an entry shows them."""
        return {**self.weights, "intercept": self.intercept}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """The stacking that has these `params`.

        Raises:
            ValidationError: They are no numbers, or the intercept is missing.
        """
        weights = {name: value for name, value in params.items() if name != "intercept"}
        return cls.model_validate({"weights": weights, "intercept": params.get("intercept")})


def cross_fitted(log_odds: Mapping[str, ArrayLike], fake: ArrayLike, *, seed: int = 0) -> NDArray[np.float64]:
    """(N,) log-odds of stackings that were each fitted without the reviews that they speak of.

    Args:
        log_odds: (N,) by classifier.
        fake: (N,) true where the review is fake.
        seed: Of the stratified folds.

    Raises:
        DataError: As `Stacking.fit`, or a class has a single review.
    """
    (truth,) = as_labels(fake=fake)
    table = _table(log_odds, len(truth))
    folds = min(FOLDS, int(truth.sum()), int((~truth).sum()))
    if folds < 2:
        raise DataError("stacking needs two fake and two genuine validation reviews at least: give more reviews")
    result = np.empty(len(truth))
    for fitted, left_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(table, truth):
        stacking = Stacking.fit(_rows(log_odds, table, fitted), truth[fitted])
        result[left_out] = stacking.apply(_rows(log_odds, table, left_out))
    return result


def _rows(
    names: Mapping[str, ArrayLike], table: NDArray[np.float64], rows: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    return dict(zip(names, table[rows].T, strict=True))


def _table(log_odds: Mapping[str, ArrayLike], length: int) -> NDArray[np.float64]:
    """(N, M) of finite values."""
    if not log_odds:
        raise DataError("stacking needs the log-odds of at least one classifier")
    for name, values in log_odds.items():
        if np.shape(values) != (length,):
            raise DataError(f"{name} must have one value a review, ({length},), but its shape is {np.shape(values)}")
        if not np.isfinite(values).all():
            raise DataError(f"stacking needs finite values, but {name} has others: its model has diverged")
    return np.column_stack([np.asarray(values, dtype=np.float64) for values in log_odds.values()])
