"""What a leaderboard entry says of its scores: on validation, folds, test, unseen sources, beside the first."""

from collections.abc import Sequence
from statistics import mean
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from reviewtune.evaluation.elsewhere import ElsewhereScores


class Section(BaseModel):
    """Base of the parts of an entry: frozen, unknown keys refused, every number finite so that the JSON is valid."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class ValidationScores(Section):
    """Scores on the validation split, the ones that chose the trial; of an ensemble, cross-fitted ones."""

    f1: float
    accuracy: float
    roc_auc: float
    value: float | None = None
    """Of the study's objective, where that is not F1."""


class Selection(Section):
    """What folds of the development reviews said of the selected configuration, before the test split was opened."""

    f1: float
    """Mean F1 on the rows that were held out from each training."""
    standard_error: float
    """Of `f1`, over the folds."""
    folds: int
    seeds: int
    """Trainings of each fold."""
    highest_f1: float
    """The highest mean of any finalist: above `f1` where a cheaper one was taken that is within a standard error."""
    default_f1: float | None = None
    """The mean of the family's default configuration."""
    models: int = 1
    """Whose mean is shipped: one trained on all development reviews, and those of the folds."""
    value: float | None = None
    """Mean of the study's objective, where that is not F1."""
    value_error: float | None = None
    """Standard error of `value`, over the folds."""


class Gain(Section):
    """How far the out-of-fold F1 of the selected configuration lies above that of the family's default."""

    f1: float
    """The difference; below 0 where the default is better."""
    low: float
    high: float
    """Ends of its 95 % interval, which allows for having selected the best of several."""


class SourceScores(ElsewhereScores):
    """On the development rows of a source by a training without it, at the entry's own calibration and threshold."""

    source: str
    """Its name."""


class WorstSource(Section):
    """The source of the lowest unseen F1."""

    source: str
    f1: float


class Unseen(Section):
    """What the selected configuration is worth on a source that it was not trained on; no choice goes by it."""

    f1: float | None
    """Mean over the sources that have both classes; None where none has."""
    roc_auc: float | None
    """The same."""
    worst: WorstSource | None
    """Of those."""
    sources: list[SourceScores]
    """Each source that was left out once."""

    @classmethod
    def of(cls, sources: Sequence[SourceScores]) -> Self:
        """What scores on single sources come to; those of one class have no F1, and count in no mean.

        Examples:
            >>> hotels = SourceScores(source="hotels", num_reviews=80, num_fake=40, f1=0.25, roc_auc=0.5)
            >>> shop = SourceScores(source="shop", num_reviews=80, num_fake=40, f1=0.75, roc_auc=1.0)
            >>> guests = SourceScores(source="guests", num_reviews=80, num_fake=0, fpr=0.1)
            >>> unseen = Unseen.of([hotels, shop, guests])
            >>> unseen.f1, unseen.roc_auc, unseen.worst.source
            (0.5, 0.75, 'hotels')
        """
        told = [(own.f1, own.roc_auc, own.source) for own in sources if own.f1 is not None and own.roc_auc is not None]
        lowest = min(told, default=None)
        return cls(
            f1=mean(f1 for f1, *_ in told) if told else None,
            roc_auc=mean(area for _, area, _ in told) if told else None,
            worst=WorstSource(source=lowest[2], f1=lowest[0]) if lowest else None,
            sources=list(sources),
        )


class Comparison(Section):
    """How far the entry's test F1 lies above that of the first entry of the same split."""

    difference: float
    """Below 0 where the first is better."""
    low: float
    high: float
    """Ends of an interval that, with 95 % confidence, holds for all entries of the board at once."""
    detectable: float
    """How large a true difference would have to be for this comparison to show it in eight draws of ten."""


class TestScores(Section):
    """Scores on the test split, which took no part in any choice. F1, precision and recall are of the fake class."""

    __test__: ClassVar[bool] = False  # its name is no wish to be collected by pytest

    f1: float
    f1_low: float
    f1_high: float
    """Ends of the 95 % interval of `f1` over other draws of reviews, or of units where reviews are related."""
    f1_rough: bool = False
    """Too few reviews or units for an exact interval: it is rather too wide."""
    num_units: int | None = None
    """Units of the test split: clusters of near-duplicates or groups, most of them a single review; None of an earlier
    version, whose interval takes every review for unrelated."""
    accuracy: float
    precision: float
    recall: float
    roc_auc: float
    average_precision: float
    tpr_at_fpr_01: float | None = None
    """Share of the fakes that a threshold finds which calls 1 % of the genuine fake; None of an earlier version."""
    tpr_at_fpr_01_low: float | None = None
    tpr_at_fpr_01_high: float | None = None
    """Ends of the 95 % interval of `tpr_at_fpr_01`; None of an earlier version, as the next three."""
    tpr_at_fpr_001: float | None = None
    """The same where 0.1 % of the genuine are called fake."""
    tpr_at_fpr_001_low: float | None = None
    tpr_at_fpr_001_high: float | None = None
    precision_at_prevalence: float | None = None
    f1_at_prevalence: float | None = None
    """What the entry's threshold gives where its `prevalence` of the reviews are fake; None where it has none."""
    mcc: float
    brier: float
    ece: float
    """Expected calibration error, 15 bins of equal width."""
    ece_floor: float | None = None
    """The `ece` that these probabilities would have if they were perfect, for want of reviews; None of an earlier
    version."""
    log_loss: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
