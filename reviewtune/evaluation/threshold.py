"""From which fake probability on a review is called fake. `N` is the number of reviews."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.evaluation.calibration import PlattCalibration


def f1_threshold(fake_probability: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> float:
    """The threshold of the highest F1 that is to be expected, which is half of that F1 (so at most 0.5).

    Lipton, Elkan and Narayanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", ECML PKDD 2014. The
    expectation is over the labels that the probabilities promise: the labels themselves, whose accidents a threshold
    that is fitted to them follows, play no part.

    Args:
        fake_probability: (N,) calibrated, of reviews like those to come.
        weight: (N,) how many of those to come each stands for; None: one.

    Examples:
        >>> f1_threshold(np.array([1.0, 1.0, 0.0, 0.0])), round(f1_threshold(np.array([0.9, 0.4, 0.2, 0.1])), 3)
        (0.5, 0.361)
    """
    order = np.argsort(fake_probability)[::-1]
    counts = np.ones(len(order)) if weight is None else weight[order]
    fakes = fake_probability[order] * counts
    expected_f1 = 2 * np.cumsum(fakes) / (fakes.sum() + np.cumsum(counts))
    return float(expected_f1.max() / 2)


def labels_of(fake: ArrayLike, scores: ArrayLike) -> NDArray[np.bool_]:
    """(N,) what configurations that are compared call fake: by Platt's calibration and its threshold of the highest F1.

    The same for all and quick; an artifact's own calibration is chosen (`choice`) once it is made.

    Args:
        fake: (N,) true where the review is fake.
        scores: (N,) uncalibrated.

    Raises:
        DataError: As `PlattCalibration.fit`.

    Examples:
        >>> labels_of([True, True, False, False], [2.0, 1.0, -1.0, -2.0]).tolist()
        [True, True, False, False]
    """
    probability = PlattCalibration.fit(scores, fake).apply(scores)
    return probability > f1_threshold(probability)
