"""From which fake probability on a review is called fake. `N` is the number of reviews."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.choice import Calibration, choose_calibration


def f1_threshold(fake_probability: NDArray[np.float64]) -> float:
    """The threshold of the highest F1 that is to be expected, which is half of that F1 (so at most 0.5).

    Lipton, Elkan and Narayanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", ECML PKDD 2014. The
    expectation is over the labels that the probabilities promise: the labels themselves, whose accidents a threshold
    that is fitted to them follows, play no part.

    Args:
        fake_probability: (N,) calibrated, of reviews like those to come.
    """
    falling = np.sort(fake_probability)[::-1]
    called_fake = np.arange(1, len(falling) + 1)
    expected_f1 = 2 * np.cumsum(falling) / (falling.sum() + called_fake)
    return float(expected_f1.max() / 2)


def calibrated(scores: ArrayLike, fake: ArrayLike, units: ArrayLike | None = None) -> tuple[Calibration, float]:
    """The calibration of a classifier, and the probability above which it calls a review fake.

    Args:
        scores: (N,) finite, of reviews that it was not fitted on.
        fake: (N,) true where the review is fake.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.

    Raises:
        DataError: As `choose_calibration`.
    """
    calibration = choose_calibration(scores, fake, units=units)
    return calibration, f1_threshold(calibration.apply(scores))


def labels_of(fake: ArrayLike, scores: ArrayLike) -> NDArray[np.bool_]:
    """(N,) what configurations that are compared call fake: by Platt's calibration and its threshold of the highest F1.

    The same for all and quick; an artifact's own calibration is chosen (`choice`) once it is made.

    Args:
        fake: (N,) true where the review is fake.
        scores: (N,) uncalibrated.

    Raises:
        DataError: As `PlattCalibration.fit`.
    """
    probability = PlattCalibration.fit(scores, fake).apply(scores)
    return probability > f1_threshold(probability)
