"""Whether intervals, ties and gains keep their promise: simulated studies whose true F1 is known.

Six classifiers of the same true F1 label a test split. What makes a review hard is shared by its unit, by all
classifiers or by one alone, so that errors are related within a unit, and classifiers within a review. Units are
`groups`, whose reviews have labels of their own, or `copies`, whose reviews share one. Every test split has its due of
fakes, as a stratified one has.

    python benchmarks/coverage.py [--studies 1000] [--sizes 1 2 5 10 20] [--rows 200 1000 3000] [--output coverage.json]
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from reviewtune.evaluation.comparison import differences
from reviewtune.evaluation.significance import f1_intervals
from reviewtune.evaluation.units import Counts

ENTRIES = 6
UNIT, ENTRY_IN_UNIT, REVIEW = 0.35, 0.35, 0.15
"""Of the variance of what makes a review hard: shared by its unit and all classifiers, by its unit for one classifier,
by the review for all classifiers. The rest is of one classifier and one review."""
CELLS_AT_ONCE = 3_000_000
"""Reviews times classifiers that are simulated together."""
SHARES, TRUTHS = (0.5, 0.1, 0.03), (0.95, 0.8)


@dataclass(frozen=True)
class Cell:
    """A kind of study: test reviews, reviews a unit, kind of unit, share of fakes and true F1 of every classifier."""

    rows: int
    size: int
    units: str
    share: float
    f1: float


@dataclass(frozen=True)
class Found:
    """Shares of the studies in which something came out so.

    Attributes:
        covers: The interval of a classifier holds the true F1.
        as_if_alone: So does one that takes the reviews of a unit for unrelated.
        rough: It is marked as rough.
        rank_1: The interval of the entry that a score of other reviews ranks first holds its true F1.
        rank_1_by_test: So does that of the entry with the highest test F1.
        behind: Some entry is called behind the first, though all are equal.
        verdict: Some entry is called behind or ahead.
        gain: The interval of the best of five candidates, compared with a sixth classifier, holds 0.
        gain_alone: So does the interval of a comparison of those two alone.
    """

    covers: float
    as_if_alone: float
    rough: float
    rank_1: float
    rank_1_by_test: float
    behind: float
    verdict: float
    gain: float
    gain_alone: float


def cells(sizes: list[int], rows: list[int]) -> Iterator[Cell]:
    """Every kind of study."""
    for size, number in itertools.product(sizes, rows):
        for units in ("groups",) if size == 1 else ("groups", "copies"):
            for share, f1 in itertools.product(SHARES, TRUTHS):
                yield Cell(number, size, units, share, f1)


def drawn(cell: Cell, studies: int, random: np.random.Generator) -> Counts:
    """(S, E, U) counts of the test splits of so many studies."""
    number, units = cell.rows, cell.rows // cell.size
    fake = _fakes(cell, studies, random)
    share = fake[0].mean()
    # As many misses as false alarms are expected, so that precision, recall and F1 are the same.
    misses, alarms = 1 - cell.f1, share * (1 - cell.f1) / (1 - share)
    limit = np.where(fake, ndtri(misses), ndtri(alarms)).astype(np.float32)[:, None]

    def normal(variance: float, *shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(variance))

    of_unit = normal(UNIT, studies, 1, units, 1) + normal(ENTRY_IN_UNIT, studies, ENTRIES, units, 1)
    hard = np.broadcast_to(of_unit, (studies, ENTRIES, units, cell.size)).reshape(studies, ENTRIES, number)
    hard = hard + normal(REVIEW, studies, 1, number)
    hard += normal(1 - UNIT - ENTRY_IN_UNIT - REVIEW, studies, ENTRIES, number)
    wrong = hard < limit

    def counted(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        return rows.reshape(*rows.shape[:-1], units, cell.size).sum(axis=-1).astype(np.float64)

    hits = counted(fake[:, None] & ~wrong)
    return Counts(hits, counted(wrong), counted(fake)[:, None], np.full(units, cell.size > 1))


def _fakes(cell: Cell, studies: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """(S, N) labels, as many fakes in each study; two at least, or two units of them."""
    places, repeat = (cell.rows, 1) if cell.units == "groups" else (cell.rows // cell.size, cell.size)
    fakes = max(round(places * cell.share), 2)
    labels = np.broadcast_to(np.arange(places) < fakes, (studies, places))
    return random.permuted(labels, axis=1).repeat(repeat, axis=1)


def simulate(cell: Cell, studies: int, seed: int = 0) -> Found:
    """What came of so many studies."""
    random = np.random.default_rng([seed, *map(ord, str(cell))])
    batch = max(CELLS_AT_ONCE // (cell.rows * ENTRIES), 1)
    parts = []
    for first in range(0, studies, batch):
        size = min(batch, studies - first)
        parts.append((size, asdict(judged(cell, drawn(cell, size, random), random))))
    return Found(**{name: sum(size * part[name] for size, part in parts) / studies for name in parts[0][1]})


def judged(cell: Cell, counts: Counts, random: np.random.Generator) -> Found:
    """What the package says of these studies, held against the truth."""
    intervals = f1_intervals(counts)
    holds = (intervals.low <= cell.f1) & (cell.f1 <= intervals.high)
    apart = f1_intervals(replace(counts, several=np.zeros_like(counts.several)))
    every = np.arange(len(holds))
    hits, errors = counts.hits.sum(axis=-1), counts.errors.sum(axis=-1)
    f1 = 2 * hits / np.maximum(2 * hits + errors, 1)
    # Equal entries differ by chance in any selection score; that of the test split takes no part.
    first = random.standard_normal(f1.shape).argmax(axis=1)
    order = np.column_stack([first, np.array([[e for e in range(ENTRIES) if e != one] for one in first])])
    board = Counts(*(np.take_along_axis(a, order[..., None], 1) for a in (counts.hits, counts.errors)), *_rest(counts))
    verdicts = differences(board)
    gains = differences(counts)
    best = f1[:, 1:].argmax(axis=1)
    pair = Counts(*(a[every[:, None], np.column_stack([0 * best, 1 + best])] for a in (counts.hits, counts.errors)),
                  *_rest(counts))  # fmt: skip
    alone = differences(pair)
    behind, ahead = (verdicts.high < 0).any(axis=-1), (verdicts.low > 0).any(axis=-1)
    shares = {
        "covers": holds[:, 0],
        "as_if_alone": (apart.low[:, 0] <= cell.f1) & (cell.f1 <= apart.high[:, 0]),
        "rough": intervals.rough[:, 0],
        "rank_1": holds[every, first],
        "rank_1_by_test": holds[every, f1.argmax(axis=1)],
        "behind": behind,
        "verdict": behind | ahead,
        "gain": (gains.low[every, best] <= 0) & (gains.high[every, best] >= 0),
        "gain_alone": (alone.low[:, 0] <= 0) & (alone.high[:, 0] >= 0),
    }
    return Found(**{name: float(values.mean()) for name, values in shares.items()})


def _rest(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return counts.fakes, counts.several


def table(found: dict[Cell, Found], name: str) -> str:
    """One of the shares in Markdown: a row a kind of split, a column a share of fakes and F1; * where mostly rough."""
    head = [f"{share:.0%}, {f1:g}" for share, f1 in itertools.product(SHARES, TRUTHS)]
    lines = ["| reviews | in units of | " + " | ".join(head) + " |", "|---:|---|" + "---:|" * len(head)]
    for cell in found:
        if (cell.share, cell.f1) != (SHARES[0], TRUTHS[0]):
            continue
        row = [found[replace(cell, share=share, f1=f1)] for share, f1 in itertools.product(SHARES, TRUTHS)]
        kind = "1" if cell.size == 1 else f"{cell.size}, {cell.units}"
        values = [f"{getattr(one, name):.3f}{'*' if one.rough > 0.5 else ''}" for one in row]
        lines.append(f"| {cell.rows:,} | {kind} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def main() -> None:
    """Simulate and print a table for each promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 5, 10, 20])
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 1000, 3000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    started = time.perf_counter()
    found = {cell: simulate(cell, options.studies, options.seed) for cell in cells(options.sizes, options.rows)}
    for name in Found.__dataclass_fields__:
        print(f"\n{name}\n\n{table(found, name)}", flush=True)
    print(f"\n{len(found)} kinds of study, {options.studies:,} studies each: {time.perf_counter() - started:.0f} s")
    if options.output:
        options.output.write_text(json.dumps([asdict(cell) | asdict(one) for cell, one in found.items()], indent=1))


if __name__ == "__main__":
    main()
