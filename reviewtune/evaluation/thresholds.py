"""What a classifier would do at every threshold, and how much its reviews tell of that.

Related reviews count as as many as would tell as much alone, at each threshold anew: of a class with rows in units of
several, n / design effect, where the effect is the variance of the share that is called fake between units over that of
unrelated reviews (`roc_interval` says more). All thresholds are taken at once, by adding review after review.
Shape letters: `N` reviews, `K` distinct probabilities, and so `K` + 1 ways of calling reviews fake.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.evaluation.calibration import as_judged
from reviewtune.evaluation.units import numbered


@dataclass(frozen=True)
class ThresholdCounts:
    """The ways of calling reviews fake that a threshold can bring about, from none of them to all.

    Attributes:
        threshold: (K + 1,) falling: a review is called fake where its probability is above; half-way between two
            neighbours, the highest probability in the first way and 0 in the last.
        found: (K + 1,) fakes that are called fake.
        false_alarms: (K + 1,) genuine reviews that are called fake.
        num_fake, num_genuine: Of all N.
        fakes_alone, genuine_alone: (K + 1,) as how many unrelated reviews those of the class tell.
    """

    threshold: NDArray[np.float64]
    found: NDArray[np.int64]
    false_alarms: NDArray[np.int64]
    num_fake: int
    num_genuine: int
    fakes_alone: NDArray[np.float64]
    genuine_alone: NDArray[np.float64]

    @classmethod
    def of(cls, fake: ArrayLike, fake_probability: ArrayLike, units: ArrayLike | None = None) -> Self:
        """Count.

        Args:
            fake: (N,) true where the review is fake, both classes among them.
            fake_probability: (N,) finite.
            units: (N,) integers, equal where reviews belong together; None: each stands alone.

        Raises:
            DataError: The arrays are empty or differ in length, a probability is not finite, or a class is missing.

        Examples:
            >>> counts = ThresholdCounts.of([True, True, False, False], [0.9, 0.6, 0.6, 0.2], units=[1, 1, 2, 3])
            >>> counts.threshold.tolist(), counts.found.tolist(), counts.false_alarms.tolist()
            ([0.9, 0.75, 0.4, 0.0], [0, 1, 2, 2], [0, 0, 1, 2])
            >>> counts.fakes_alone.tolist()
            [1.0, 1.0, 1.0, 1.0]
        """
        values, truth = as_judged(fake_probability, fake)
        unit, _ = numbered(units, len(truth))
        order = np.argsort(-values, kind="stable")
        values, truth, unit = values[order], truth[order], unit[order]
        ends = np.flatnonzero(np.append(np.diff(values) != 0, True))
        cuts = values[ends]
        called = np.concatenate([[0], ends + 1])
        found = np.concatenate([[0], np.cumsum(truth)])[called]
        return cls(
            threshold=np.concatenate([[cuts[0]], (cuts[:-1] + cuts[1:]) / 2, [0.0]]),
            found=found,
            false_alarms=called - found,
            num_fake=int(truth.sum()),
            num_genuine=int((~truth).sum()),
            fakes_alone=_alone(unit[truth])[found],
            genuine_alone=_alone(unit[~truth])[called - found],
        )

    def way_of(self, predicted: ArrayLike) -> int:
        """The number of the way in which as many reviews are called fake as in (N,) `predicted`, or the nearest.

        Examples:
            >>> counts = ThresholdCounts.of([True, True, False], [0.9, 0.6, 0.2])
            >>> counts.way_of([True, False, False])
            1
        """
        number = int(np.sum(np.asarray(predicted, dtype=bool)))
        return int(np.argmin(np.abs(self.found + self.false_alarms - number)))


def _alone(unit: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n + 1,) as how many unrelated ones the n reviews of a class tell, with the first 0, 1, ... n called fake.

    Args:
        unit: (n,) of each review, in the order in which they come to be called fake.
    """
    size = np.bincount(unit)
    mine, number = size[unit], len(unit)
    size = size[size > 0]
    alike = float((size**2).sum() / number)
    if len(size) == number:
        return np.full(number + 1, float(number))
    # Of each review, how many of its unit were called before it: (c + 1)^2 - c^2 = 2 c + 1.
    order = np.argsort(unit, kind="stable")
    before = np.empty(number, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(size)[:-1]])
    before[order] = np.arange(number) - np.repeat(starts, size)
    squares = np.concatenate([[0], np.cumsum(2 * before + 1)])
    products = np.concatenate([[0], np.cumsum(mine)])
    share = np.arange(number + 1) / number
    spread = squares - 2 * share * products + share**2 * (size**2).sum()
    known = share * (1 - share) * number
    unseen = (known <= 0) | (len(size) < 2)
    effect = spread / np.where(unseen, 1, known) * len(size) / max(len(size) - 1, 1)
    return number / np.where(unseen, alike, np.clip(effect, 1.0, max(alike, 1.0)))
