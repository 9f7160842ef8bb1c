"""Which calibration a classifier gets: the one whose probabilities are best on reviews that it was not fitted on.

`N` is the number of reviews.
"""

from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Discriminator, Tag

from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration, as_judged
from reviewtune.evaluation.isotonic_calibration import IsotonicCalibration
from reviewtune.evaluation.labels import has_both_classes
from reviewtune.evaluation.units import numbered


def _kind(stored: Any) -> Any:
    """What tells the kinds apart in a file; earlier versions knew Platt's alone and did not say so."""
    return stored.get("kind", "platt") if isinstance(stored, dict) else getattr(stored, "kind", None)


Calibration: TypeAlias = Annotated[
    Annotated[PlattCalibration, Tag("platt")]
    | Annotated[BetaCalibration, Tag("beta")]
    | Annotated[IsotonicCalibration, Tag("isotonic")],
    Discriminator(_kind),
]
"""Any of them, as an artifact keeps it."""

FOLDS = 5
STANDARD_ERRORS = 2.0
"""By which another calibration must beat Platt's. Where it does not, the simplest is as good."""
LARGEST, SMALLEST = 1e6, 1e-6
"""Scores and their spread between which others than Platt's are tried: beyond, knots and weights lose their digits."""


def choose_calibration(
    scores: ArrayLike, fake: ArrayLike, *, units: ArrayLike | None = None, seed: int = 0
) -> Calibration:
    """Platt's, beta or isotonic calibration, whichever has the lowest cross-fitted log loss, fitted on all reviews.

    Platt's stays unless another is better by more than chance: the differences in log loss are summed by unit, and
    compared with their standard error.

    Args:
        scores: (N,) finite, of reviews that the classifier was not fitted on.
        fake: (N,) true where the review is fake.
        units: (N,) integers, equal where reviews belong together, which then stay in one fold; None: each stands alone.
        seed: Of the folds.

    Raises:
        DataError: As `PlattCalibration.fit`.

    Examples:
        >>> scores = np.linspace(-3, 3, 200)
        >>> fake = np.random.default_rng(0).random(200) < 1 / (1 + np.exp(-scores))
        >>> choose_calibration(scores, fake).kind
        'platt'
    """
    platt = PlattCalibration.fit(scores, fake)
    given, truth = as_judged(scores, fake)
    unit, _ = numbered(units, len(truth))
    folds = _folds(truth, unit, seed)
    if not folds or np.abs(given).max() > LARGEST or given.std() < SMALLEST:
        return platt
    losses = {kind: _left_out_losses(kind, given, truth, folds) for kind in (BetaCalibration, IsotonicCalibration)}
    simple = _left_out_losses(PlattCalibration, given, truth, folds)
    better = {kind: gained for kind, loss in losses.items() if (gained := _gain(simple - loss, unit)) > 0}
    return max(better, key=lambda kind: better[kind]).fit(scores, fake) if better else platt


def _gain(saved: NDArray[np.float64], unit: NDArray[np.intp]) -> float:
    """The log loss that (N,) reviews save together, 0 where that is within noise."""
    by_unit = np.bincount(unit, weights=saved)
    error = np.sqrt(len(by_unit)) * by_unit.std(ddof=1)
    total = float(by_unit.sum())
    return total if total > STANDARD_ERRORS * error else 0.0


def _folds(
    truth: NDArray[np.bool_], unit: NDArray[np.intp], seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit on and rows left out, by fold; none where a part would lack a class."""
    from sklearn.model_selection import StratifiedKFold

    rather_fake = np.bincount(unit, weights=truth) * 2 >= np.bincount(unit)
    if min(rather_fake.sum(), (~rather_fake).sum()) < FOLDS:
        return []
    fold = np.empty(len(rather_fake), dtype=np.intp)
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rather_fake, rather_fake)
    for number, (_, units) in enumerate(parts):
        fold[units] = number
    of_review = fold[unit]
    found = [(np.flatnonzero(of_review != part), np.flatnonzero(of_review == part)) for part in range(FOLDS)]
    return found if all(has_both_classes(truth[fitted]) for fitted, _ in found) else []


def _left_out_losses(
    kind: Any, scores: NDArray[np.float64], truth: NDArray[np.bool_], folds: list[Any]
) -> NDArray[np.float64]:
    """(N,) log loss of each review by a calibration that was fitted without it."""
    loss = np.empty(len(truth))
    for fitted, left_out in folds:
        odds = kind.fit(scores[fitted], truth[fitted]).log_odds(scores[left_out])
        loss[left_out] = np.logaddexp(0, np.where(truth[left_out], -odds, odds))
    return loss
