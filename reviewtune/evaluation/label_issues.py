"""Labels that may be wrong, by confident learning: what a classifier that never saw a review says against its label.

A review is suspected where its probability of the other class is at least the mean of that class's own reviews, and
it is the likelier one: the off-diagonal of the confident joint (Northcutt, Jiang and Chuang, "Confident learning:
estimating uncertainty in dataset labels", JAIR 2021). By hand, since of two classes the rule is ten lines: cleanlab is
26,000, and finds the same reviews. Shape letter: `N` reviews.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.evaluation.calibration import as_scores
from reviewtune.evaluation.labels import as_labels, require_both_classes


def label_issues(fake: ArrayLike, fake_probability: ArrayLike) -> NDArray[np.intp]:
    """The numbers of the reviews whose label is suspected, the least likely label first.

    Args:
        fake: (N,) labels, true where the review is called fake by whoever labelled it.
        fake_probability: (N,) that it is, by classifiers that were not trained on it.

    Raises:
        DataError: The arrays are empty or differ in length, a class is missing, or a probability is not finite.

    Examples:
        >>> label_issues([True, True, False, False, False], [0.9, 0.05, 0.1, 0.2, 0.97]).tolist()
        [4, 1]
    """
    (truth,) = as_labels(fake=fake)
    require_both_classes(truth, "a search for wrong labels")
    probability = as_scores(fake_probability, len(truth))
    own = np.where(truth, probability, 1 - probability)
    of_genuine, of_fake = own[~truth].mean(), own[truth].mean()
    other_class = np.where(truth, of_genuine, of_fake)
    (suspected,) = np.nonzero((1 - own >= other_class) & (own < 0.5))
    return suspected[np.argsort(own[suspected], kind="stable")]
