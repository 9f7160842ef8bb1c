"""What an artifact keeps of the reviews that calibrated it, so that other operating points can be asked of it later.

Two summaries of their calibrated probabilities, of at most a few thousand numbers however many reviews there were: the
highest of the genuine ones, by rank, for limits of false alarms; and how many lie in each bin of log-odds, for the
threshold of the highest F1 at another share of fakes. Shape letters: `N` reviews, `U` units of genuine ones.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from scipy.special import expit, logit

from reviewtune.evaluation.choice import Calibration, choose_calibration
from reviewtune.evaluation.labels import as_labels
from reviewtune.evaluation.operating_point import class_weights, one_a_unit, rank_at_fpr, with_prevalence
from reviewtune.evaluation.threshold import f1_threshold
from reviewtune.evaluation.units import numbered
from reviewtune.stored import Stored

MOST_REVIEWS = 10**10
MOST_KEPT = 5000
EVERY_RANK = 100
"""Down to which every rank is kept; below, each is 1 % larger than the one before: a limit between two takes the
smaller, which keeps it all the more."""
BIN = 0.05
"""Width in log-odds: a shift of all by another share of fakes leaves it as fine as it was."""
FARTHEST_BIN = 800

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=MOST_REVIEWS)]
Bin = Annotated[int, Field(ge=-FARTHEST_BIN, le=FARTHEST_BIN)]


class OperatingBasis(Stored):
    """The calibrated probabilities of the reviews that an artifact was calibrated on, in short."""

    fake_share: Share
    """Of these reviews, how many are fake."""
    genuine: Count
    """Units of genuine reviews, of each of which one counts."""
    ranks: list[Count] = Field(min_length=1, max_length=MOST_KEPT)
    """Places among their probabilities, 1 being the highest."""
    highest: list[Probability] = Field(min_length=1, max_length=MOST_KEPT)
    """The probabilities at these places."""
    bins: list[Bin] = Field(min_length=1, max_length=2 * FARTHEST_BIN + 1)
    """Multiples of 0.05, each the log-odds of some reviews, genuine and fake."""
    counts: list[Count] = Field(min_length=1, max_length=2 * FARTHEST_BIN + 1)
    """How many they are."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.ranks[0] != 1 or not _rise(self.ranks) or self.ranks[-1] > self.genuine:
            raise ValueError(f"ranks must rise from 1 to {self.genuine} at most, the number of genuine reviews")
        if len(self.highest) != len(self.ranks) or self.highest != sorted(self.highest, reverse=True):
            raise ValueError("highest must hold a probability a rank, and none above the one before")
        if len(self.counts) != len(self.bins) or not _rise(self.bins):
            raise ValueError("counts must hold a number a bin, and bins must rise")
        return self

    @classmethod
    def of(cls, fake_probability: NDArray[np.float64], fake: ArrayLike, units: ArrayLike | None = None) -> Self:
        """The basis of so many reviews.

        Args:
            fake_probability: (N,) calibrated.
            fake: (N,) true where the review is fake, both classes among them.
            units: (N,) integers, equal where reviews belong together; None: each stands alone.

        Examples:
            >>> probability, fake = np.linspace(0.01, 0.99, 400), np.arange(400) >= 300
            >>> basis = OperatingBasis.of(probability, fake)
            >>> basis.fake_share, basis.genuine, round(basis.highest[0], 3)
            (0.25, 300, 0.744)
        """
        (truth,) = as_labels(fake=fake)
        unit, _ = numbered(units, len(truth))
        falling = one_a_unit(fake_probability[~truth], unit[~truth])
        ranks = _kept_ranks(len(falling))
        with np.errstate(divide="ignore"):
            places = np.clip(np.rint(logit(fake_probability) / BIN), -FARTHEST_BIN, FARTHEST_BIN).astype(int)
        bins, counts = np.unique(places, return_counts=True)
        return cls(
            fake_share=float(truth.mean()),
            genuine=len(falling),
            ranks=ranks,
            highest=[float(falling[rank - 1]) for rank in ranks],
            bins=bins.tolist(),
            counts=counts.tolist(),
        )

    def corrected(self, fake_probability: ArrayLike, prevalence: float | None) -> NDArray[np.float64]:
        """(N,) the calibrated probabilities where `prevalence` of the reviews are fake; as they are for None.

        Raises:
            UsageError: `prevalence` is not between 0 and 1.

        Examples:
            >>> probability, fake = np.linspace(0.01, 0.99, 400), np.arange(400) >= 200
            >>> OperatingBasis.of(probability, fake).corrected([0.5, 0.9], prevalence=0.05).round(3).tolist()
            [0.05, 0.321]
        """
        if prevalence is None:
            return np.asarray(fake_probability, dtype=np.float64)
        return with_prevalence(fake_probability, self.fake_share, prevalence)

    def threshold(self, max_fpr: float | None, prevalence: float | None) -> float:
        """The corrected probability above which a review is called fake.

        Args:
            max_fpr: Limit of false alarms, kept with 95 % confidence; None: the highest F1 is wanted.
            prevalence: Share of fakes that the probabilities are corrected to; None: they are as calibrated.

        Raises:
            DataError: There were too few genuine reviews for the limit.
            UsageError: One of them is not between 0 and 1.

        Examples:
            >>> probability, fake = np.linspace(0.01, 0.99, 800), np.arange(800) >= 400
            >>> basis = OperatingBasis.of(probability, fake)
            >>> round(basis.threshold(None, None), 3), round(basis.threshold(0.01, None), 3)
            (0.38, 0.499)
            >>> basis.threshold(0.001, None)
            Traceback (most recent call last):
            reviewtune.errors.DataError: a false-alarm rate of at most 0.001, with 95% confidence, needs 2,995 ...
        """
        if max_fpr is not None:
            wanted = rank_at_fpr(self.genuine, max_fpr)
            return float(self.corrected(self.highest[bisect_right(self.ranks, wanted) - 1], prevalence))
        share = self.fake_share if prevalence is None else prevalence
        probability = expit(np.array(self.bins) * BIN)
        as_fake, as_genuine = class_weights(self.fake_share, share)
        # What a review counts where another share is fake, by what it is likely to be.
        weight = np.array(self.counts) * (probability * as_fake + (1 - probability) * as_genuine)
        return f1_threshold(self.corrected(probability, share), weight)


@dataclass(frozen=True)
class OperatingPoint:
    """How an artifact comes from scores to probabilities and labels; the fields are those of its `reviewtune.json`."""

    calibration: Calibration
    threshold: float
    basis: OperatingBasis
    max_fpr: float | None = None
    prevalence: float | None = None


def calibrated(
    scores: ArrayLike,
    fake: ArrayLike,
    units: ArrayLike | None = None,
    *,
    max_fpr: float | None = None,
    prevalence: float | None = None,
) -> OperatingPoint:
    """The calibration of a classifier, and the probability above which it calls a review fake.

    Args:
        scores: (N,) finite, of reviews that it was not fitted on.
        fake: (N,) true where the review is fake.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.
        max_fpr: As for `OperatingBasis.threshold`.
        prevalence: As there.

    Raises:
        DataError: As `choose_calibration`, or there are too few genuine reviews for the limit.

    Examples:
        >>> scores = np.linspace(-3, 3, 800)
        >>> point = calibrated(scores, np.arange(800) >= 400, max_fpr=0.05)
        >>> point.calibration.kind, bool(0 < point.threshold < 1)
        ('platt', True)
    """
    calibration = choose_calibration(scores, fake, units=units)
    probability = calibration.apply(scores)
    basis = OperatingBasis.of(probability, fake, units)
    as_it_is = max_fpr is None and prevalence is None
    threshold = f1_threshold(probability) if as_it_is else basis.threshold(max_fpr, prevalence)
    return OperatingPoint(calibration, threshold, basis, max_fpr, prevalence)


def _kept_ranks(count: int) -> list[int]:
    ranks = list(range(1, min(count, EVERY_RANK) + 1))
    while (following := ranks[-1] + ranks[-1] // EVERY_RANK) <= count and len(ranks) >= EVERY_RANK:
        ranks.append(following)
    return ranks


def _rise(values: list[int]) -> bool:
    return all(low < high for low, high in pairwise(values))
