"""Where to call a review fake: under a limit of false alarms, or where fakes are rarer than they were in training.

Shape letters: `N` reviews, `U` units.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from reviewtune.errors import DataError, UsageError
from reviewtune.evaluation.calibration import as_scores
from reviewtune.evaluation.significance import CONFIDENCE
from reviewtune.evaluation.units import numbered


def threshold_at_fpr(
    genuine_scores: ArrayLike, max_fpr: float, confidence: float = CONFIDENCE, *, units: ArrayLike | None = None
) -> float:
    """The lowest of the scores above which, with that confidence, no more than `max_fpr` of genuine reviews lie.

    The order statistic of Neyman-Pearson classification (Tong, Feng and Li, "Neyman-Pearson classification algorithms
    and NP receiver operating characteristics", Science Advances 2018). Its rank is fixed before a score is seen, so it
    promises what it does for whatever scores, ties included: a review that scores just the threshold is not fake.

    The promise asks for unrelated reviews. Of those that are related one counts, drawn without a look at its score:
    then it is of the mean rate of units, so that a review drawn from a unit that was drawn is called fake no more
    often. Over all reviews the rate may be higher where large units are the harder ones.

    Args:
        genuine_scores: (N,) finite, of genuine reviews that the classifier was not fitted on, like those to come.
        max_fpr: The limit, between 0 and 1.
        confidence: Share of the draws of genuine reviews whose threshold keeps the limit, at least.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.

    Raises:
        DataError: There are too few genuine reviews or units for the limit, or a score is not finite.
        UsageError: `max_fpr` or `confidence` is out of range.

    Examples:
        >>> genuine = np.linspace(0, 1, 1000)
        >>> round(threshold_at_fpr(genuine, 0.05), 3), round(threshold_at_fpr(genuine, 0.01), 3)
        (0.962, 0.996)
    """
    falling = one_a_unit(genuine_scores, units)
    return float(falling[rank_at_fpr(len(falling), max_fpr, confidence) - 1])


def one_a_unit(scores: ArrayLike, units: ArrayLike | None = None, seed: int = 0) -> NDArray[np.float64]:
    """(U,) one of the (N,) scores of each unit, drawn by that seed, falling.

    Raises:
        DataError: A score is not finite, or the units are not one integer a review.

    Examples:
        >>> one_a_unit([0.2, 0.2, 0.9], units=[7, 7, 3]).tolist()
        [0.9, 0.2]
    """
    values = as_scores(scores, len(np.asarray(scores)))
    unit, _ = numbered(units, len(values))
    shuffled = np.random.default_rng(seed).permutation(len(values))
    _, first = np.unique(unit[shuffled], return_index=True)
    return np.sort(values[shuffled[first]])[::-1]


def rank_at_fpr(count: int, max_fpr: float, confidence: float = CONFIDENCE) -> int:
    """Which of the highest scores of so many unrelated genuine reviews is the threshold, 1 being the highest of all.

    The largest rank r whose risk, that fewer than r of `count` reviews lie above the score which `max_fpr` of the
    population exceed, is no more than 1 - `confidence`.

    Raises:
        DataError: The count is too small for any.
        UsageError: `max_fpr` or `confidence` is out of range.

    Examples:
        >>> rank_at_fpr(1000, 0.01), rank_at_fpr(299, 0.01)
        (5, 1)
        >>> rank_at_fpr(100, 0.01)
        Traceback (most recent call last):
        reviewtune.errors.DataError: a false-alarm rate of at most 0.01, with 95% confidence, needs 299 ...
    """
    wanted = fewest_genuine(max_fpr, confidence)
    if count < wanted:
        raise DataError(
            f"a false-alarm rate of at most {max_fpr:g}, with {confidence:.0%} confidence, needs {wanted:,} unrelated "
            f"genuine reviews, and there are {count:,}: label more, or ask for {_in_reach(count, confidence)} or more"
        )
    return max(1, int(stats.binom.ppf(1 - confidence, count, max_fpr)))


def fewest_genuine(max_fpr: float, confidence: float = CONFIDENCE) -> int:
    """Unrelated genuine reviews that a limit needs: with fewer even the highest of their scores may be too low.

    Raises:
        UsageError: `max_fpr` or `confidence` is out of range.

    Examples:
        >>> fewest_genuine(0.01), fewest_genuine(0.001)
        (299, 2995)
    """
    for name, value in (("max_fpr", max_fpr), ("confidence", confidence)):
        if not 0 < value < 1:
            raise UsageError(f"{name} must lie between 0 and 1, not {value}")
    return math.ceil(math.log(1 - confidence) / math.log1p(-max_fpr))


def _in_reach(count: int, confidence: float) -> str:
    """The smallest limit, rounded up to two digits, for which so many reviews are enough."""
    limit = -math.expm1(math.log(1 - confidence) / max(count, 1))
    digit = 10.0 ** (math.floor(math.log10(limit)) - 1)
    return f"{min(math.ceil(limit / digit) * digit, 0.99):g}"


def with_prevalence(fake_probability: ArrayLike, trained_share: float, prevalence: float) -> NDArray[np.float64]:
    """(N,) the probabilities, calibrated where one share of the reviews is fake, where another is.

    Their odds, times those of the one share over those of the other (Saerens, Latinne and Decaestecker, "Adjusting the
    outputs of a classifier to new a priori probabilities", Neural Computation 2002): right where fake and genuine
    reviews are each what they were, and only their shares differ.

    Args:
        fake_probability: (N,) in [0, 1]; NaN stays NaN.
        trained_share: Share of fakes among the reviews that they were calibrated on.
        prevalence: Share of fakes among those to come.

    Raises:
        UsageError: A share is not between 0 and 1.

    Examples:
        >>> with_prevalence([0.5, 0.9, 0.99], trained_share=0.5, prevalence=0.05).round(3).tolist()
        [0.05, 0.321, 0.839]
    """
    probability = np.asarray(fake_probability, dtype=np.float64)
    as_fake, as_genuine = class_weights(trained_share, prevalence)
    fake = probability * as_fake
    return np.asarray(fake / (fake + (1 - probability) * as_genuine))


def class_weights(trained_share: float, prevalence: float) -> tuple[float, float]:
    """What a fake and a genuine review count where `prevalence` of the reviews are fake in place of `trained_share`.

    Raises:
        UsageError: A share is not between 0 and 1.

    Examples:
        >>> class_weights(0.5, 0.1)
        (0.2, 1.8)
    """
    for name, value in (("trained_share", trained_share), ("prevalence", prevalence)):
        if not 0 < value < 1:
            raise UsageError(f"{name} must lie between 0 and 1, not {value}")
    return prevalence / trained_share, (1 - prevalence) / (1 - trained_share)


def precision_at(prevalence: float, tpr: float, fpr: float) -> float:
    """Share of what is called fake that is, where `prevalence` of the reviews are fake; 0 where nothing is called so.

    Args:
        prevalence: Between 0 and 1.
        tpr: Share of the fakes that are called fake.
        fpr: Share of the genuine that are.

    Examples:
        >>> round(precision_at(0.5, tpr=0.9, fpr=0.1), 3), round(precision_at(0.01, tpr=0.9, fpr=0.1), 3)
        (0.9, 0.083)
    """
    found, alarms = prevalence * tpr, (1 - prevalence) * fpr
    return found / (found + alarms) if found else 0.0


def f1_at(prevalence: float, tpr: float, fpr: float) -> float:
    """F1 of the fake class where `prevalence` of the reviews are fake. The arguments are those of `precision_at`.

    Examples:
        >>> round(f1_at(0.5, tpr=0.9, fpr=0.1), 3), round(f1_at(0.01, tpr=0.9, fpr=0.1), 3)
        (0.9, 0.153)
    """
    return 2 * prevalence * tpr / (prevalence * (1 + tpr) + (1 - prevalence) * fpr)
