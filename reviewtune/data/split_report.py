"""The account of a split, with what a plain random split would have leaked.

Shape letters: `N` reviews.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from reviewtune.schema import FAKE_NAME, GENUINE_NAME, SPLITS, TEST, VALIDATION

FEW_ROWS = 30
"""Of a class in a split: with fewer its scores tell little. Where a fifth of n fakes is missed, and as many false
alarms are given, the standard error of the F1 of 0.8 is sqrt(0.08 / n): 0.05 with 30 (0.053 when simulated), so that
trials 0.1 apart may differ by chance. That of a rate of 0.2 is sqrt(0.16 / n)."""


@dataclass(frozen=True)
class SplitReport:
    """How a split came out. The dictionaries are by split."""

    rows: dict[str, int]
    fake: dict[str, int]
    wanted: dict[str, int]
    """Rows that the sizes ask for."""
    near_duplicate_clusters: int
    """Clusters of more than one row."""
    near_duplicate_rows: int
    """Rows in those clusters."""
    largest_unit: int
    """Rows of the largest set that stays together, by near-duplicates and groups."""
    random_leaked_rows: int
    """Test rows that would have a near-duplicate in train, had the split been random and stratified."""
    random_test_rows: int

    def lines(self) -> list[str]:
        """The report for people: a line a split, then near-duplicates, then what is off or few."""
        lines = [f"{name}: {self.rows[name]:,} rows, {self.fake[name] / self.rows[name]:.1%} fake" for name in SPLITS]
        clusters = f"{self.near_duplicate_rows:,} rows in {self.near_duplicate_clusters:,} clusters"
        lines.append(f"near-duplicates: {clusters}, each in one split")
        lines.append(
            f"a random split would have leaked: {self.random_leaked_rows:,} of {self.random_test_rows:,} test rows "
            f"({self.random_leaked_rows / self.random_test_rows:.1%}) with a near-duplicate in train"
        )
        lines += [few for few in (self._few(VALIDATION), self._few(TEST)) if few]
        smallest = min(SPLITS, key=lambda name: self.wanted[name])
        if self.largest_unit > self.wanted[smallest]:
            wanted = ", ".join(f"{self.wanted[name]:,} {name}" for name in SPLITS)
            lines.append(
                f"the largest group or cluster holds {self.largest_unit:,} rows, more than the {smallest} split: "
                f"sizes may be off those wanted ({wanted})"
            )
        return lines

    def _few(self, name: str) -> str | None:
        """A warning where a split that is scored holds few reviews of a class."""
        counts = {FAKE_NAME: self.fake[name], GENUINE_NAME: self.rows[name] - self.fake[name]}
        kind = min(counts, key=lambda one: counts[one])
        if counts[kind] >= FEW_ROWS:
            return None
        what, variance = ("F1", 0.08) if kind == FAKE_NAME else ("rate of false alarms", 0.16)
        return (
            f"few: {counts[kind]} {kind} reviews in {name}, fewer than {FEW_ROWS}: its {what} is off by about "
            f"{math.sqrt(variance / counts[kind]):.2f} by chance; raise --{name}-size or give more {kind} reviews"
        )


def report_split(
    *,
    split_of: NDArray[np.int64],
    fake: NDArray[np.bool_],
    targets: NDArray[np.int64],
    clusters: NDArray[np.int64],
    units: NDArray[np.int64],
    seed: int,
) -> SplitReport:
    """The account of a split of N reviews.

    Args:
        split_of: (N,) the split of each review, as a position in `SPLITS`.
        fake: (N,) class of each review.
        targets: (3, 2) genuine and fake reviews wanted in each split.
        clusters: (N,) near-duplicate cluster of each review.
        units: (N,) what each review stays together with.
        seed: Seeds the random split that is compared.
    """
    cluster_sizes = np.bincount(clusters)
    wanted = dict(zip(SPLITS, targets.sum(axis=1).tolist(), strict=True))
    leaked = _random_leak(clusters, fake, num_validation=wanted[VALIDATION], num_test=wanted[TEST], seed=seed)
    return SplitReport(
        rows={name: int(np.sum(split_of == index)) for index, name in enumerate(SPLITS)},
        fake={name: int(np.sum(fake & (split_of == index))) for index, name in enumerate(SPLITS)},
        wanted=wanted,
        near_duplicate_clusters=int(np.sum(cluster_sizes > 1)),
        near_duplicate_rows=int(cluster_sizes[cluster_sizes > 1].sum()),
        largest_unit=int(np.bincount(units).max()),
        random_leaked_rows=leaked,
        random_test_rows=wanted[TEST],
    )


def _random_leak(
    clusters: NDArray[np.int64], fake: NDArray[np.bool_], *, num_validation: int, num_test: int, seed: int
) -> int:
    """Test rows with a near-duplicate in train under scikit-learn's stratified random split of the same sizes."""
    rows = np.arange(len(clusters))
    rest, test = train_test_split(rows, test_size=num_test, stratify=fake, random_state=seed)
    train, _ = train_test_split(rest, test_size=num_validation, stratify=fake[rest], random_state=seed)
    return int(np.isin(clusters[test], clusters[train]).sum())
