"""What the page draws of an entry's predictions: thinned on the way, but every number that is left is exact.

Shape letters: `N` test reviews, `K` ways of calling them fake (`evaluation.thresholds`), `B` bins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import stats

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.metrics import ECE_BINS
from reviewtune.evaluation.significance import CONFIDENCE, wilson
from reviewtune.evaluation.thresholds import ThresholdCounts
from reviewtune.evaluation.units import design_effect, numbered
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.ties import PREDICTED
from reviewtune.schema import CLUSTER, FAKE, FAKE_PROBABILITY, ID

HISTOGRAM_BINS = 40
POINTS = 160
"""Ways of calling reviews fake that the page keeps of an entry, about; few enough for a slider of a phone."""
LIMITS = (0.01, 0.001)
"""Shares of genuine reviews called fake whose points are marked on the curves, as on the board."""


@dataclass(frozen=True)
class Judged:
    """What an entry says of N test reviews.

    Attributes:
        ids: (N,) of the reviews.
        fake, predicted: (N,) what they are and what they are called.
        probability: (N,) that they are fake, at the share of fakes that the entry was asked for.
        units: (N,) equal where reviews belong together; None in a file of an earlier version.
    """

    ids: NDArray[np.str_]
    fake: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    probability: NDArray[np.float64]
    units: NDArray[np.int64] | None


def read_judged(path: Path) -> Judged | None:
    """The predictions in a file; None where there is none, or none of both classes.

    Raises:
        ArtifactError: The file is damaged.
    """
    if not path.is_file():
        return None
    try:
        known = CLUSTER in pq.read_schema(path).names
        columns = [ID, FAKE, PREDICTED, FAKE_PROBABILITY, *([CLUSTER] if known else [])]
        table = pq.read_table(path, columns=columns).drop_null()
        fake, called = (table[name].cast(pa.bool_()).to_numpy() for name in (FAKE, PREDICTED))
        probability = table[FAKE_PROBABILITY].cast(pa.float64()).to_numpy()
        units = table[CLUSTER].cast(pa.int64()).to_numpy() if known else None
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ArtifactError(f"{path} is drawn nowhere ({str(error).splitlines()[0]})") from None
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ArtifactError(f"{path} is drawn nowhere (a fake probability is not between 0 and 1)")
    if not 0 < fake.sum() < len(fake):
        return None
    ids = table[ID].to_numpy().astype(np.str_)
    return Judged(ids, fake.astype(bool), called.astype(bool), probability, units)


def curves(judged: Judged, entry: Entry, threshold: float | None, points: int = POINTS) -> dict[str, Any]:
    """What confusion, curves, reliability, histograms and the threshold explorer are drawn from.

    Args:
        judged: The entry's predictions.
        entry: Whose; of its prevalence the reliability is told.
        threshold: Of its artifact, where it is known.
        points: Ways of calling reviews fake to keep.
    """
    counts = ThresholdCounts.of(judged.fake, judged.probability, judged.units)
    own = counts.way_of(judged.predicted)
    marked = {limit: _at_limit(counts, limit) for limit in LIMITS}
    kept = _thinned(counts, points, {own, *marked.values(), *_cheapest(counts)})
    place = {int(way): number for number, way in enumerate(kept)}
    cuts = counts.threshold.copy()
    if threshold is not None and _brings_about(counts, own, threshold):
        cuts[own] = threshold
    return {
        "fakes": counts.num_fake,
        "genuine": counts.num_genuine,
        "threshold": [_short(cuts[way], below, above) for way, below, above in _between(judged, kept)],
        "found": counts.found[kept].tolist(),
        "alarms": counts.false_alarms[kept].tolist(),
        "fakesAlone": [round(float(value), 1) for value in counts.fakes_alone[kept]],
        "genuineAlone": [round(float(value), 1) for value in counts.genuine_alone[kept]],
        "own": place[own],
        "limits": [{"fpr": limit, "at": place[way]} for limit, way in marked.items()],
        "bins": reliability(judged, entry.prevalence),
        "histogram": histogram(judged),
    }


def reliability(judged: Judged, prevalence: float | None, bins: int = ECE_BINS) -> dict[str, list[float]]:
    """Of each of B equal bins with reviews: how many, their mean probability, the share that is fake, its interval.

    Related reviews count in the interval as as many as would tell as much alone.

    Args:
        judged: The predictions.
        prevalence: The share of fakes that the probabilities are for: reviews then weigh what brings it about.
        bins: B.
    """
    share = judged.fake.mean()
    weight = np.ones(len(judged.fake))
    if prevalence is not None:
        weight = np.where(judged.fake, prevalence / share, (1 - prevalence) / (1 - share))
    place = np.minimum((judged.probability * bins).astype(int), bins - 1)
    number = np.bincount(place, minlength=bins)
    mass = np.bincount(place, weights=weight, minlength=bins)
    said = np.bincount(place, weights=weight * judged.probability, minlength=bins)
    fake = np.bincount(place, weights=weight * judged.fake, minlength=bins)
    full = number > 0
    raw = np.bincount(place, weights=judged.fake, minlength=bins)[full] / number[full]
    odds = 1.0 if prevalence is None else prevalence / (1 - prevalence) / (share / (1 - share))
    # That of the reviews as they were drawn, of which each end is then weighed as the share is.
    alone = number[full] / _design_effects(judged, place)
    ends = wilson(raw, alone, np.asarray(stats.norm.ppf((1 + CONFIDENCE) / 2)))
    low, high = (odds * end / (odds * end + 1 - end) for end in ends)
    return {
        "count": number[full].tolist(),
        "said": (said[full] / mass[full]).round(4).tolist(),
        "fake": (fake[full] / mass[full]).round(4).tolist(),
        "low": low.round(4).tolist(),
        "high": high.round(4).tolist(),
    }


def _design_effects(judged: Judged, place: NDArray[np.intp]) -> NDArray[np.float64]:
    """Of each bin with reviews, the effect on the share that is fake; 1 where every review stands alone."""
    unit, size = numbered(judged.units, len(place))
    own = [place == number for number in np.unique(place)]
    if size.max() == 1:
        return np.ones(len(own))
    return np.array([design_effect(judged.fake[rows], unit[rows]) for rows in own])


def histogram(judged: Judged, bins: int = HISTOGRAM_BINS) -> dict[str, list[int]]:
    """(B,) reviews of each class by their probability, in equal bins from 0 to 1."""
    kinds = {"fake": judged.fake, "genuine": ~judged.fake}
    return {
        name: np.histogram(judged.probability[rows], bins=bins, range=(0, 1))[0].tolist()
        for name, rows in kinds.items()
    }


def _at_limit(counts: ThresholdCounts, limit: float) -> int:
    """The way that finds most while at most so large a share of genuine reviews is called fake."""
    return int(np.flatnonzero(counts.false_alarms <= limit * counts.num_genuine)[-1])


def _brings_about(counts: ThresholdCounts, way: int, threshold: float) -> bool:
    """Whether a threshold lies between its neighbours, so that it may stand for the way."""
    above = counts.threshold[way - 1] if way > 0 else np.inf
    below = counts.threshold[way + 1] if way + 1 < len(counts.threshold) else -np.inf
    return bool(below <= threshold <= above)


def _between(judged: Judged, ways: NDArray[np.intp]) -> Iterator[tuple[int, float, float]]:
    """Each way with the probabilities that it lies between: the highest that is left alone, the lowest called fake."""
    falling = np.unique(judged.probability)[::-1]
    ends = np.concatenate([[np.inf], falling, [-np.inf]])
    yield from ((way, float(ends[way + 1]), float(ends[way])) for way in ways.tolist())


def _cheapest(counts: ThresholdCounts) -> list[int]:
    """The ways that are the cheapest at some cost of a false alarm and of a miss: the corners of the ROC's hull."""
    corners: list[int] = []
    found, alarms = counts.found.tolist(), counts.false_alarms.tolist()
    for way in range(len(found)):
        while len(corners) > 1:
            before, last = corners[-2:]
            rise, run = found[last] - found[before], alarms[last] - alarms[before]
            if rise * (alarms[way] - alarms[before]) > run * (found[way] - found[before]):
                break
            corners.pop()
        corners.append(way)
    return corners


def _thinned(counts: ThresholdCounts, points: int, always: set[int]) -> NDArray[np.intp]:
    """The ways to keep: even in what is found, in false alarms, in their logarithm and in the threshold."""
    ways = len(counts.threshold)
    if ways <= points:
        return np.arange(ways)
    quarter = max(points // 4, 2)
    alarms = counts.false_alarms
    few = np.unique(np.geomspace(1, max(counts.num_genuine, 2), quarter).astype(int))
    kept = [
        np.searchsorted(counts.found, np.linspace(0, counts.num_fake, quarter)),
        np.searchsorted(alarms, np.linspace(0, counts.num_genuine, quarter), side="right") - 1,
        np.searchsorted(alarms, few, side="right") - 1,
        np.searchsorted(-counts.threshold, -np.linspace(1, 0, quarter)),
        np.array([0, ways - 1, *always]),
    ]
    return np.unique(np.clip(np.concatenate(kept), 0, ways - 1))


def _short(value: float, below: float, above: float) -> float:
    """The value in as few digits, six or more, as still call fake what it does: at least `below`, under `above`."""
    rounded = (float(f"{value:.{digits}g}") for digits in range(6, 17))
    return next((number for number in rounded if below <= number < above), float(value))
