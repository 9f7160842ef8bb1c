"""What is left of a classifier's scores when the same reviews look otherwise. `N` is the number of reviews."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field
from sklearn import metrics

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels, require_both_classes

Scorer = Callable[[Sequence[str]], ArrayLike]
"""Fake probabilities, one in [0, 1] for each text."""


class VariantScores(BaseModel):
    """The scores at an artifact's own threshold, on the reviews in one of their forms."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    num_reviews: int = Field(ge=2)
    f1: float = Field(ge=0, le=1)
    """F1 of the fake class; 0 where no review is called fake."""
    recall: float = Field(ge=0, le=1)
    """Share of the fake reviews that are called fake."""
    fpr: float = Field(ge=0, le=1)
    """Share of the genuine reviews that are called fake."""


def robustness(
    scorer: Scorer, variants: Mapping[str, Sequence[str]], fake: ArrayLike, threshold: float
) -> dict[str, VariantScores]:
    """The scores on each variant of the same N reviews, by its name, in the order of `variants`.

    A text that is blank, such as one of emoji alone once its surface is made alike, is not scored and not called fake.

    Args:
        scorer: Of the classifier. Called once a variant, with the texts that are not blank.
        variants: The N texts in each form, as `data.perturbations.variants` makes them.
        fake: (N,) true where the review is fake.
        threshold: A review is called fake where its fake probability is above this.

    Raises:
        DataError: `fake` holds one class only, a variant has another number of texts, or a probability is missing, NaN
            or outside of [0, 1].

    Examples:
        >>> variants = {"plain": ["GREAT!", "ok."], "alike": ["great", "ok"]}
        >>> shouting = lambda texts: [float(text.isupper()) for text in texts]
        >>> {name: scores.f1 for name, scores in robustness(shouting, variants, [True, False], threshold=0.5).items()}
        {'plain': 1.0, 'alike': 0.0}
    """
    (truth,) = as_labels(fake=fake)
    require_both_classes(truth, "scoring")
    return {name: _scored(name, scorer, texts, truth, threshold) for name, texts in variants.items()}


def _scored(
    name: str, scorer: Scorer, texts: Sequence[str], truth: NDArray[np.bool_], threshold: float
) -> VariantScores:
    if len(texts) != len(truth):
        raise DataError(f"the variant {name} has {len(texts):,} texts for {len(truth):,} labels: give one for each")
    rows = [row for row, text in enumerate(texts) if text.strip()]
    called = np.zeros(len(truth), dtype=np.bool_)
    if rows:
        called[rows] = _probabilities(name, scorer([texts[row] for row in rows]), len(rows)) > threshold
    (_, fp), (_, tp) = metrics.confusion_matrix(truth, called, labels=[False, True])
    return VariantScores(
        num_reviews=len(truth),
        f1=float(metrics.f1_score(truth, called, zero_division=0.0)),
        recall=float(tp / truth.sum()),
        fpr=float(fp / (~truth).sum()),
    )


def _probabilities(name: str, values: ArrayLike, number: int) -> NDArray[np.float64]:
    probability = np.asarray(values, dtype=np.float64)
    if probability.shape != (number,) or not ((probability >= 0) & (probability <= 1)).all():
        raise DataError(
            f"the scorer gave {probability.shape} values for the {number:,} texts of {name}: they must be "
            "probabilities in [0, 1], one a text"
        )
    return probability
