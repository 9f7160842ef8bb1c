"""How far the share of fakes found at a limit of false alarms would move with another draw of reviews.

Two things move it: which fakes there are, at a threshold that stands (Wilson's interval of their share), and which
genuine reviews put the threshold where it is (the order statistics between which the true threshold lies). They are
independent, so their distances from the estimate add as the legs of a right angle (MOVER: Zou and Donner, "Construction
of confidence limits about effect measures: a general approach", Statistics in Medicine 2008). Related reviews count as
as many as would tell as much alone. docs/statistics.md shows what it covers. Shape letters: `N` reviews, `U` units.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from reviewtune.evaluation.calibration import as_judged
from reviewtune.evaluation.objective import allowed, tpr_at_fpr
from reviewtune.evaluation.significance import CONFIDENCE, share_interval
from reviewtune.evaluation.units import design_effect, numbered

LIMITS = {"tpr_at_fpr_01": 0.01, "tpr_at_fpr_001": 0.001}
"""False-positive rates at which every entry says what it finds, by the name of that score."""


def tpr_ends(fake: ArrayLike, scores: ArrayLike, units: ArrayLike | None = None) -> dict[str, float]:
    """The ends of the 95 % interval of the share of fakes found at each of `LIMITS`, by its name and `_low` or `_high`.

    The arguments and errors are those of `tpr_interval`.

    Examples:
        >>> fake = np.arange(1000) % 2 == 0
        >>> ends = tpr_ends(fake, 2 * fake + np.random.default_rng(0).normal(size=1000))
        >>> {name: round(end, 2) for name, end in ends.items()}
        {'tpr_at_fpr_01_low': 0.13, 'tpr_at_fpr_01_high': 0.45, 'tpr_at_fpr_001_low': 0.0, 'tpr_at_fpr_001_high': 0.29}
    """
    found = dict[str, float]()
    for name, limit in LIMITS.items():
        found[f"{name}_low"], found[f"{name}_high"] = tpr_interval(fake, scores, limit, units=units)
    return found


def tpr_interval(
    fake: ArrayLike, scores: ArrayLike, fpr: float, *, units: ArrayLike | None = None, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The ends of an interval of the share of fakes found where `fpr` of all genuine reviews are called fake.

    With fewer genuine reviews than about 3.7 / `fpr` nothing bounds the threshold from above: the lower end is near 0.

    Args:
        fake: (N,) true where the review is fake, both classes among them.
        scores: (N,) finite, higher where a review looks more fake.
        fpr: Between 0 and 1.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.
        confidence: Share of draws whose interval holds the true share, about.

    Raises:
        DataError: The arrays are empty or differ in length, a score is not finite, or a class is missing.

    Examples:
        >>> fake = np.arange(1000) % 2 == 0
        >>> low, high = tpr_interval(fake, 2 * fake + np.random.default_rng(0).normal(size=1000), fpr=0.1)
        >>> round(low, 2), round(high, 2)
        (0.68, 0.81)
    """
    values, truth = as_judged(scores, fake)
    unit, _ = numbered(units, len(truth))
    fakes, genuine = values[truth], np.sort(values[~truth])[::-1]
    estimate, threshold = tpr_at_fpr(truth, values, fpr), genuine[allowed(len(genuine), fpr)]
    by_fakes = share_interval(fakes > threshold, unit[truth], confidence)
    alone = len(genuine) / design_effect(values[~truth] > threshold, unit[~truth])
    fewest, most = stats.binom.interval(confidence, max(1, math.floor(alone)), fpr)
    highest = math.floor(fewest * len(genuine) / alone)
    lowest = min(math.ceil(most * len(genuine) / alone), len(genuine) - 1)
    strict = float((fakes > genuine[highest - 1]).mean()) if highest else 0.0
    lenient = float((fakes > genuine[lowest]).mean())
    low = estimate - math.hypot(estimate - by_fakes[0], estimate - min(strict, estimate))
    high = estimate + math.hypot(by_fakes[1] - estimate, max(lenient, estimate) - estimate)
    return max(low, 0.0), min(high, 1.0)
