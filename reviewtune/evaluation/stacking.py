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

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels, require_both_classes
from reviewtune.evaluation.logistic import rising_logistic, smoothed_targets

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

        Examples:
            >>> odds = np.array([-2.0, -1.0, 1.0, 2.0] * 5)
            >>> stacking = Stacking.fit({"tfidf": odds, "worse than chance": -odds}, odds > 0)
            >>> list(stacking.weights)
            ['tfidf']
        """
        table, truth = _checked(log_odds, fake)
        weights, intercept = _weigh(table, truth)
        kept = {name: float(f"{weight:.{DIGITS}g}") for name, weight in zip(log_odds, weights, strict=True) if weight}
        if not kept:
            raise DataError("stacking finds no classifier that tells more than chance: tune them longer")
        return cls(weights=kept, intercept=round(intercept, DIGITS))

    def apply(self, log_odds: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(N,) log-odds from (N,) log-odds of each member; further classifiers are not looked at.

        Examples:
            >>> stacking = Stacking(weights={"tfidf": 0.5, "qlora": 1.0}, intercept=-0.5)
            >>> stacking.apply({"tfidf": np.array([2.0, -2.0]), "qlora": np.array([1.0, 0.0])}).tolist()
            [1.5, -1.5]
        """
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

        Examples:
            >>> Stacking.from_params({"tfidf": 0.5, "intercept": -0.5}).weights
            {'tfidf': 0.5}
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

    Examples:
        >>> odds = np.array([-2.0, -1.0, 1.0, 2.0] * 5)
        >>> (cross_fitted({"tfidf": odds}, odds > 0) > 0).tolist() == (odds > 0).tolist()
        True
    """
    from sklearn.model_selection import StratifiedKFold

    table, truth = _checked(log_odds, fake)
    folds = min(FOLDS, int(truth.sum()), int((~truth).sum()))
    if folds < 2:
        raise DataError("stacking needs two fake and two genuine validation reviews at least: give more reviews")
    result = np.empty(len(truth))
    for fitted, left_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(table, truth):
        weights, intercept = _weigh(table[fitted], truth[fitted])
        result[left_out] = table[left_out] @ weights + intercept
    return result


def _weigh(table: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """(M,) weights, 0 for what is left out, and the intercept, for (N, M) log-odds and (N,) labels."""
    found, intercept = rising_logistic(table, smoothed_targets(truth))
    moved = found * table.std(axis=0)
    kept = moved > LEAST_SHARE * moved.sum()
    if (kept | (found == 0)).all():
        return found, intercept
    weights = np.zeros(table.shape[1])
    weights[kept], intercept = _weigh(table[:, kept], truth)
    return weights, intercept


def _checked(log_odds: Mapping[str, ArrayLike], fake: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, M) finite values and (N,) labels of both classes."""
    (truth,) = as_labels(fake=fake)
    require_both_classes(truth, "stacking")
    if not log_odds:
        raise DataError("stacking needs the log-odds of at least one classifier")
    for name, values in log_odds.items():
        if np.shape(values) != truth.shape:
            raise DataError(f"{name} must have one value a review, {truth.shape}, but its shape is {np.shape(values)}")
        if not np.isfinite(values).all():
            raise DataError(f"stacking needs finite values, but {name} has others: its model has diverged")
    return np.column_stack([np.asarray(values, dtype=np.float64) for values in log_odds.values()]), truth
