"""Where a classifier does worse: its scores on parts of the test split, with intervals that hold for all at once.

A split of twenty parts has a bad one by chance alone. So each part's recall and false-alarm rate has the exact interval
of a share (Clopper and Pearson, Biometrika 1934) at a confidence of 1 - 0.05 / (number of intervals), Bonferroni's:
with 95 % confidence all of them hold. Wilson's interval, good as it is for one F1, keeps that promise in 89 % of
simulated splits alone, since it is the far tails that count here. Related reviews count as many as would tell as much
alone if those of a unit were all the same, n^2 / (sum of squared sizes), for want of units to estimate it from.
docs/statistics.md shows what that covers. Shape letter: `N` reviews.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import stats

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels
from reviewtune.evaluation.significance import CONFIDENCE
from reviewtune.evaluation.units import numbered

FEWEST = 20
"""Reviews of a class that a slice needs for a share of them: with fewer an interval says next to nothing."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Share(_Said):
    """A share of reviews and the ends of its interval."""

    value: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


class Slice(_Said):
    """The reviews that have one value of one trait, and what the classifier does there at its own threshold."""

    kind: str
    """The trait: `source`, `category`, `rating`, `length` or whatever else was given."""
    value: str
    num_reviews: int = Field(ge=1)
    num_fake: int = Field(ge=0)
    f1: float | None = Field(None, ge=0, le=1)
    """F1 of the fake class; None where `recall` or `fpr` is."""
    recall: Share | None = None
    """Of the fake reviews, those that are called fake; None with fewer than `FEWEST` of them."""
    fpr: Share | None = None
    """Of the genuine reviews, those that are called fake; None with fewer than `FEWEST` of them."""
    worse: bool = False
    """The interval of `recall` lies below that of all reviews, or the one of `fpr` above it."""


class Slices(_Said):
    """All slices of a test split."""

    slices: tuple[Slice, ...] = ()
    """Those that are scored, the worst first: by the mean of recall and 1 - FPR, which unlike F1 does not move with the
    slice's share of fakes; where one of the two is missing, by the other."""
    too_small: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Of each trait, how many values have too few reviews of either class, and how many reviews these are."""


@dataclass(frozen=True)
class _Whole:
    """All N reviews: what they are and are called, their units, and of each class the share that is called fake."""

    truth: NDArray[np.bool_]
    called: NDArray[np.bool_]
    unit: NDArray[np.intp]
    shares: Mapping[bool, float]


@dataclass(frozen=True)
class _Part:
    """A slice before its intervals are known: its name, and its rows by number."""

    kind: str
    value: str
    rows: NDArray[np.intp]


def slices(
    fake: ArrayLike, predicted: ArrayLike, traits: Mapping[str, Sequence[str]], units: ArrayLike | None = None
) -> Slices:
    """The scores of N reviews by the values of their traits.

    A trait of a single value is left out: its slice would be the whole.

    Args:
        fake: (N,) true where the review is fake.
        predicted: (N,) true where it is called fake.
        traits: N values each, by the trait's name.
        units: (N,) equal where reviews are near-duplicates or share a group; None: each stands alone.

    Raises:
        DataError: The arrays are empty, or differ in length.

    Examples:
        >>> fake = [True] * 60 + [False] * 60
        >>> called = [True] * 50 + [False] * 70
        >>> found = slices(fake, called, {"language": ["en"] * 40 + ["de"] * 40 + ["en"] * 40})
        >>> [(one.value, one.num_reviews, round(one.recall.value, 2)) for one in found.slices]
        [('de', 40, 0.5), ('en', 80, 1.0)]
    """
    truth, called = as_labels(fake=fake, predicted=predicted)
    unit, _ = numbered(units, len(truth))
    shares = {kind: float(called[truth == kind].mean()) for kind in (True, False) if (truth == kind).any()}
    whole = _Whole(truth, called, unit, shares)
    parts = [part for kind, values in traits.items() for part in _parts(kind, values, len(truth))]
    intervals = sum(len(_judged(part.rows, truth)) for part in parts)
    confidence = 1 - (1 - CONFIDENCE) / max(intervals, 1)
    found = [_scored(part, whole, confidence) for part in parts if _judged(part.rows, truth)]
    small = [part for part in parts if not _judged(part.rows, truth)]
    return Slices(slices=tuple(sorted(found, key=_badness)), too_small=_counted(small))


def share_interval(event: ArrayLike, units: ArrayLike | None, confidence: float) -> Share:
    """The share of N reviews in which something is so, with its exact interval over other draws of units.

    Args:
        event: (N,) true where it is.
        units: (N,) equal where reviews are related, which then count as if they were all the same; None: none are.
        confidence: At least this share of draws has an interval that holds the true share.

    Examples:
        >>> share = share_interval([True] * 18 + [False] * 2, None, confidence=0.95)
        >>> share.value, round(share.low, 3), round(share.high, 3)
        (0.9, 0.683, 0.988)
    """
    (so,) = as_labels(event=event)
    _, size = numbered(units, len(so))
    alone = len(so) ** 2 / float((size.astype(np.float64) ** 2).sum())
    share, tail = float(so.mean()), (1 - confidence) / 2
    low = stats.beta.ppf(tail, share * alone, (1 - share) * alone + 1) if share > 0 else 0.0
    high = stats.beta.isf(tail, share * alone + 1, (1 - share) * alone) if share < 1 else 1.0
    return Share(value=share, low=min(float(low), share), high=max(float(high), share))


def _parts(kind: str, values: Sequence[str], number: int) -> Iterator[_Part]:
    if len(values) != number:
        raise DataError(f"the trait {kind} has {len(values):,} values for {number:,} reviews: give one for each")
    names, place = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
    if len(names) > 1:
        for at, name in enumerate(names):
            yield _Part(kind, str(name), np.flatnonzero(place == at))


def _judged(rows: NDArray[np.intp], truth: NDArray[np.bool_]) -> list[bool]:
    """The classes, by their label, of which a slice has enough reviews."""
    return [kind for kind in (True, False) if (truth[rows] == kind).sum() >= FEWEST]


def _scored(part: _Part, whole: _Whole, confidence: float) -> Slice:
    truth, called = whole.truth[part.rows], whole.called[part.rows]
    unit, judged = whole.unit[part.rows], _judged(part.rows, whole.truth)
    shares = {kind: share_interval(called[truth == kind], unit[truth == kind], confidence) for kind in judged}
    recall, fpr = shares.get(True), shares.get(False)
    hits, errors = int((truth & called).sum()), int((truth ^ called).sum())
    return Slice(
        kind=part.kind,
        value=part.value,
        num_reviews=len(truth),
        num_fake=int(truth.sum()),
        f1=2 * hits / (2 * hits + errors) if recall and fpr else None,
        recall=recall,
        fpr=fpr,
        worse=bool((recall and recall.high < whole.shares[True]) or (fpr and fpr.low > whole.shares[False])),
    )


def _badness(one: Slice) -> tuple[float, int, str, str]:
    """What slices are ordered by: lower is worse; of equal ones the smaller comes first."""
    right = [*([one.recall.value] if one.recall else []), *([1 - one.fpr.value] if one.fpr else [])]
    return sum(right) / len(right), one.num_reviews, one.kind, one.value


def _counted(parts: Sequence[_Part]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for part in parts:
        number, reviews = counts.get(part.kind, (0, 0))
        counts[part.kind] = (number + 1, reviews + len(part.rows))
    return counts
