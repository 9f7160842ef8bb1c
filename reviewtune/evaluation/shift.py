"""Whether reviews come from where others do, told from numbers about each of them.

Shape letters: `N` reviews that are judged, `R` reference reviews, `D` numbers of each, `P` permutations.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 0.01
"""Share of batches of the references' own source that are called unlike, at most."""
LEAST_AUC = 0.6
"""Below it two kinds of reviews are hardly told apart, however sure the test is that they differ."""
FEWEST = 20
"""Reviews of either kind that a test needs."""
PERMUTATIONS = 199
FOLDS = 5
RIDGE = 0.1
"""Added to the variance of standardised numbers. 0.01 to 0.1 are equal on hotel reviews against product reviews."""


@dataclass(frozen=True)
class Shift:
    """How a batch of reviews differs from the references.

    Attributes:
        num_reviews: Of the batch, that the test looked at.
        p_value: Share of batches of the references' source that are told apart at least as well.
        auc: ROC AUC of telling both apart on reviews held out; 0.5: not at all, 1: always.
    """

    num_reviews: int
    p_value: float
    auc: float

    @property
    def unlike(self) -> bool:
        """Whether the batch is called unlike the references."""
        return self.p_value <= FALSE_ALARM and self.auc >= LEAST_AUC


def at_least_as_high(scores: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) share of the R references, and of the score itself, that are at least as high: a conformal p-value.

    For a score of the references' source it is uniform: at most `p` in a share `p` of draws (Vovk, Gammerman and
    Shafer, "Algorithmic Learning in a Random World", 2005).

    Examples:
        >>> at_least_as_high(np.array([0.0, 2.5, 9.0]), np.arange(1.0, 5.0)).tolist()
        [1.0, 0.6, 0.2]
    """
    ordered = np.sort(reference)
    higher = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + higher) / (1 + len(ordered)), dtype=np.float64)


def compare(batch: NDArray[np.float32], reference: NDArray[np.float32], fake: NDArray[np.bool_]) -> Shift | None:
    """A classifier two-sample test between a batch and the references; None where either has too few reviews.

    A linear classifier is fitted to tell both apart, cross-fitted by folds; its AUC is compared with those for
    permuted labels, which makes the p-value exact for independent reviews (Lopez-Paz and Oquab, "Revisiting classifier
    two-sample tests", ICLR 2017). The share of fakes in a batch is not known and seldom that of the training reviews:
    references are left out until theirs is the one by which they resemble the batch most. That is fitted to the
    batch, so the test is rather too quiet where only this share differs.

    Args:
        batch: (N, D), of very many reviews a sample: each takes room for every permutation.
        reference: (R, D).
        fake: (R,) true where the reference is fake.

    Examples:
        >>> random = np.random.default_rng(1)
        >>> reference, fake = random.normal(size=(200, 3)).astype(np.float32), np.arange(200) % 2 == 0
        >>> like, unlike = random.normal(size=(2, 100, 3)).astype(np.float32) + np.array([[[0]], [[3]]], np.float32)
        >>> compare(like, reference, fake).unlike, compare(unlike, reference, fake).unlike
        (False, True)
    """
    random = np.random.default_rng(0)
    alike = reference[_alike(batch, reference, fake, random)]
    if min(len(batch), len(alike)) < FEWEST:
        return None
    features = _standardised(np.vstack([alike, batch]))
    truth = np.arange(len(features)) >= len(alike)
    labels = np.column_stack([truth, *(random.permutation(truth) for _ in range(PERMUTATIONS))])
    auc = _auc(_told_apart(features, labels, random), labels)
    p_value = float(1 + (auc[1:] >= auc[0]).sum()) / (1 + PERMUTATIONS)
    return Shift(num_reviews=len(batch), p_value=p_value, auc=float(auc[0]))


def _alike(
    batch: NDArray[np.float32], reference: NDArray[np.float32], fake: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.int64]:
    """Which references are compared: those whose share of fakes resembles the batch most, as many as there are."""
    fakes, genuine = (random.permutation(np.flatnonzero(kind)) for kind in (fake, ~fake))
    if min(len(fakes), len(genuine)) < FEWEST or not len(batch):
        return np.arange(len(reference))
    scaled = _standardised(np.vstack([reference, batch]))
    references, mean = scaled[: len(reference)], scaled[len(reference) :].mean(axis=0)
    centre = references[genuine].mean(axis=0)
    # The direction in which a linear classifier tells fakes: elsewhere the share of fakes changes little.
    within = np.cov(references.T) + RIDGE * np.eye(references.shape[1])
    direction = np.linalg.solve(within, references[fakes].mean(axis=0) - centre)
    apart = float((references[fakes].mean(axis=0) - centre) @ direction)
    share = float(np.clip((mean - centre) @ direction / apart, 0, 1)) if apart > 0 else float(fake.mean())
    total = min(len(fakes) / max(share, 1e-9), len(genuine) / max(1 - share, 1e-9))
    return np.sort(np.concatenate([fakes[: round(share * total)], genuine[: round((1 - share) * total)]]))


def _standardised(numbers: NDArray[np.float32]) -> NDArray[np.float64]:
    """The numbers with mean 0 and standard deviation 1; 0 where they do not vary."""
    wide = numbers.astype(np.float64)
    deviation = wide.std(axis=0)
    return np.asarray((wide - wide.mean(axis=0)) / np.where(deviation > 1e-9, deviation, np.inf))


def _told_apart(
    features: NDArray[np.float64], labels: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.float64]:
    """(N + R, 1 + P) what each labelling's classifier says of each review that it was fitted without.

    Ridge regression on the labels, whose direction is that of Fisher's discriminant: all labellings are solved at once.
    """
    fold = random.permutation(len(features)) % FOLDS
    scores = np.empty(labels.shape)
    for held_out in range(FOLDS):
        fitted = fold != held_out
        known, wanted = features[fitted], labels[fitted].astype(np.float64)
        mean = known.mean(axis=0)
        centred = known - mean
        within = centred.T @ centred / len(known) + RIDGE * np.eye(features.shape[1])
        weights = np.linalg.solve(within, centred.T @ (wanted - wanted.mean(axis=0)) / len(known))
        scores[~fitted] = (features[~fitted] - mean) @ weights
    return scores


def _auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(1 + P,) ROC AUC of each column; ties, which only equal reviews have, fall as they come."""
    ordered = np.take_along_axis(labels, scores.argsort(axis=0), axis=0)
    positive = int(labels[:, 0].sum())
    total = np.arange(1, len(labels) + 1) @ ordered.astype(np.float64) - positive * (positive + 1) / 2
    return np.asarray(total / (positive * (len(labels) - positive)), dtype=np.float64)
