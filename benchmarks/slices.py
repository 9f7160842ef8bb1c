"""Whether the intervals of all slices hold at once, in simulated test splits that a classifier is right about alike.

Units lie in one of twenty categories of uneven sizes. What makes a review hard is shared by its unit to seven tenths.

    python benchmarks/slices.py [--splits 1000]   # twelve minutes on one core
"""

import argparse
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from reviewtune.evaluation import slices as module
from reviewtune.evaluation.significance import wilson
from reviewtune.evaluation.slices import Share, slices
from reviewtune.evaluation.units import numbered

CATEGORIES, SHARED = 20, 0.7
ROWS, SIZES, RIGHT = (400, 3000), (1, 2, 5, 20), (0.99, 0.95, 0.8)


@dataclass(frozen=True)
class Held:
    """Shares of the simulated splits: all intervals hold, and a slice is called worse, though none is."""

    all_hold: float
    worse: float


def held(splits: int, rows: int, size: int, right: float) -> Held:
    """What came of so many test splits.

    Args:
        splits: How many.
        rows: Test reviews.
        size: Reviews of a unit.
        right: Share of fake and of genuine reviews that are classified rightly, in every category.
    """
    random = np.random.default_rng(0)
    hold = worse = 0
    units = np.arange(rows) // size
    for _ in range(splits):
        hard = np.sqrt(SHARED) * random.standard_normal(rows)[units]
        hard += np.sqrt(1 - SHARED) * random.standard_normal(rows)
        wrong, fake = hard < stats.norm.ppf(1 - right), random.random(rows) < 0.5
        place = random.choice(CATEGORIES, rows, p=random.dirichlet(np.ones(CATEGORIES)))[units].astype(str)
        found = slices(fake, fake ^ wrong, {"category": place.tolist()}, units).slices
        shares = [(each.recall, right) for each in found] + [(each.fpr, 1 - right) for each in found]
        hold += all(share is None or share.low <= true <= share.high for share, true in shares)
        worse += any(each.worse for each in found)
    return Held(hold / splits, worse / splits)


def by_wilson(event: Any, units: Any, confidence: float) -> Share:
    """What `share_interval` would be by Wilson's interval."""
    _, size = numbered(units, len(event))
    alone, share = len(event) ** 2 / float((size**2).sum()), np.asarray(np.mean(event))
    low, high = wilson(share, np.asarray(alone), np.asarray(stats.norm.ppf((1 + confidence) / 2)))
    return Share(value=float(share), low=float(low), high=float(high))


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=1000)
    options = parser.parse_args()
    print("| reviews | of a unit | rightly | all hold | some called worse | all hold, by Wilson |")
    print("|---:|---:|---:|---:|---:|---:|")
    exact = module.share_interval
    for rows, size, right in itertools.product(ROWS, SIZES, RIGHT):
        found = held(options.splits, rows, size, right)
        module.share_interval = by_wilson
        other = held(options.splits, rows, size, right)
        module.share_interval = exact
        told = f"{found.all_hold:.3f} | {found.worse:.3f} | {other.all_hold:.3f}"
        print(f"| {rows:,} | {size} | {right:.2f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
