"""What a search is for: one number of held-out reviews, by which trials, finalists and entries are compared.

Boards look names and signs up here, so what measures is imported where it does. All measures take (N,) `fake`, true
where the review is, both classes among them, and (N,) finite `scores`, higher where it looks more fake. Shape letter:
`N` reviews.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reviewtune.schema import F1

FPR = 0.01
"""False-positive rate at which `tpr_at_fpr` is measured: one genuine review in a hundred is called fake."""


@dataclass(frozen=True)
class Objective:
    """A measure of (N,) uncalibrated scores against (N,) labels, both classes among them.

    Attributes:
        name: As `--objective` takes it.
        title: For people.
        measure: Of labels, true where the review is fake, and scores.
        sign: 1 where higher is better, otherwise -1.
    """

    name: str
    title: str
    measure: Callable[[NDArray[np.bool_], NDArray[np.float64]], float]
    sign: int = 1

    def judged(self, fake: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
        """The measure of (N,) labels and (N,) scores, made such that higher is better.

        Examples:
            >>> fake, scores = np.array([True, False]), np.array([1.0, -1.0])
            >>> round(OBJECTIVES["log_loss"].judged(fake, scores), 3)
            -0.405
        """
        return self.sign * self.measure(fake, scores)

    def text(self, judged: float) -> str:
        """The measure that `judged` stands for, in four digits.

        Examples:
            >>> OBJECTIVES["log_loss"].text(-0.25)
            '0.2500'
        """
        return f"{self.sign * judged:.4f}"


def f1(fake: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """F1 of the fake class of (N,) reviews by the threshold that promises the highest.

    Examples:
        >>> f1(np.array([True, True, False, False]), np.array([2.0, 1.0, -1.0, -2.0]))
        1.0
    """
    from sklearn import metrics

    from reviewtune.evaluation.threshold import labels_of

    return float(metrics.f1_score(fake, labels_of(fake, scores), zero_division=0.0))


def tpr_at_fpr(fake: NDArray[np.bool_], scores: NDArray[np.float64], fpr: float = FPR) -> float:
    """Largest share of the fake reviews that a threshold finds which calls no more than `fpr` of the genuine ones fake.

    With fewer than 1 / `fpr` genuine ones among the (N,) reviews it may call none of them fake.

    Examples:
        >>> fake, scores = np.array([True, True, False, False]), np.array([2.0, 0.5, 1.0, -1.0])
        >>> tpr_at_fpr(fake, scores), tpr_at_fpr(fake, scores, fpr=0.5)
        (0.5, 1.0)
    """
    genuine = np.sort(scores[~fake])[::-1]
    return float((scores[fake] > genuine[allowed(len(genuine), fpr)]).mean())


def allowed(genuine: int, fpr: float) -> int:
    """How many of so many genuine reviews may be called fake, less than all.

    Examples:
        >>> allowed(500, 0.01), allowed(50, 0.01)
        (5, 0)
    """
    return min(math.floor(fpr * genuine + 1e-9), genuine - 1)  # 0.29 * 100 is a little less than 29


def log_loss(fake: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Mean negative log likelihood of (N,) labels, in nats, under Platt's calibration fitted on the same reviews.

    An artifact's scores are calibrated before anyone reads them, so it is not their scale that is compared.

    Examples:
        >>> round(log_loss(np.array([True, True, False, False]), np.array([2.0, -1.0, 1.0, -2.0])), 2)
        0.66
    """
    from sklearn import metrics

    from reviewtune.evaluation.calibration import PlattCalibration

    return float(metrics.log_loss(fake, PlattCalibration.fit(scores, fake).apply(scores)))


def average_precision(fake: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Mean of the precision of (N,) reviews over the thresholds, each weighted by the recall that it adds.

    Examples:
        >>> round(average_precision(np.array([True, True, False]), np.array([3.0, 1.0, 2.0])), 3)
        0.833
    """
    from sklearn import metrics

    return float(metrics.average_precision_score(fake, scores))


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(F1, "F1", f1),
        Objective("tpr_at_fpr", "TPR at 1 % FPR", tpr_at_fpr),
        Objective("log_loss", "log loss", log_loss, sign=-1),
        Objective("average_precision", "average precision", average_precision),
    )
}
