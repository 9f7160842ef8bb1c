"""What a classifier does, at its own threshold, on reviews of a source that it knows nothing of."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from reviewtune.evaluation.labels import as_labels, has_both_classes
from reviewtune.evaluation.metrics import classification_scores, false_alarm_rate, one_class_scores
from reviewtune.evaluation.significance import f1_interval


class ElsewhereScores(BaseModel):
    """Scores at an entry's own threshold; what reviews of one class cannot tell is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    num_reviews: int = Field(ge=1)
    num_fake: int = Field(ge=0)
    f1: float | None = Field(None, ge=0, le=1)
    """F1 of the fake class."""
    f1_low: float | None = Field(None, ge=0, le=1)
    f1_high: float | None = Field(None, ge=0, le=1)
    """Ends of its 95 % interval over other draws of reviews, or of units where reviews are related."""
    precision: float | None = Field(None, ge=0, le=1)
    recall: float | None = Field(None, ge=0, le=1)
    """Share of the fake reviews that are called fake."""
    fpr: float | None = Field(None, ge=0, le=1)
    """Share of the genuine reviews that are called fake."""
    roc_auc: float | None = Field(None, ge=0, le=1)
    tpr_at_fpr_01: float | None = Field(None, ge=0, le=1)
    """Share of the fakes that a threshold finds which calls 1 % of these genuine reviews fake."""
    tpr_at_fpr_001: float | None = Field(None, ge=0, le=1)
    """The same where 0.1 % of the genuine are called fake."""


def elsewhere_scores(
    fake: ArrayLike, fake_probability: ArrayLike, predicted: ArrayLike, units: NDArray[np.int64]
) -> ElsewhereScores:
    """The scores on N reviews, of both classes or of one.

    Args:
        fake: (N,) true where the review is fake.
        fake_probability: (N,) in [0, 1], that it is.
        predicted: (N,) true where it is called fake.
        units: (N,) equal where reviews are near-duplicates or share a group.

    Raises:
        DataError: The arrays are empty or differ in length, or a probability is NaN or outside of [0, 1].

    Examples:
        >>> fake, probability = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
        >>> scores = elsewhere_scores(fake, probability, probability > 0.5, units=np.arange(4))
        >>> scores.f1, scores.fpr, scores.roc_auc
        (0.5, 0.5, 0.75)
        >>> elsewhere_scores(fake[:2], probability[:2], probability[:2] > 0.5, units=np.arange(2)).recall
        0.5
    """
    truth, labels = as_labels(fake=fake, predicted=predicted)
    counts = {"num_reviews": len(truth), "num_fake": int(truth.sum())}
    if not has_both_classes(truth):
        measured, _ = one_class_scores(truth, fake_probability, labels)
        told = {"recall": measured["recall"]} if truth[0] else {"fpr": measured["false_positive_rate"]}
        return ElsewhereScores(**counts, **told)
    scores: dict[str, Any] = classification_scores(truth, fake_probability, labels)
    interval = f1_interval(truth, labels, units=units)
    taken = ("f1", "precision", "recall", "roc_auc", "tpr_at_fpr_01", "tpr_at_fpr_001")
    return ElsewhereScores(
        **counts,
        **{name: scores[name] for name in taken},
        f1_low=interval.low,
        f1_high=interval.high,
        fpr=false_alarm_rate(scores),
    )
