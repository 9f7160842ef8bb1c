"""Units of reviews that stay together, and the split that each of them goes to.

Shape letters: `N` reviews, `U` units, `S` strata.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def join_units(clusters: NDArray[np.int64], groups: Sequence[Sequence[str] | None]) -> NDArray[np.int64]:
    """(N,) unit labels: equal for reviews joined by a chain of shared clusters and shared groups.

    Args:
        clusters: (N,) near-duplicate cluster of each review.
        groups: The groups of each of N reviews; None belongs to no group.

    Examples:
        >>> join_units(np.array([0, 0, 1, 2]), [None, ["shop"], ["shop"], None]).tolist()
        [0, 0, 0, 1]
    """
    number: defaultdict[str, int] = defaultdict(count().__next__)
    rows = np.array([row for row, names in enumerate(groups) for _ in names or ()], dtype=np.int64)
    group_labels = np.array([number[group] for names in groups for group in names or ()], dtype=np.int64)
    num_clusters = int(clusters.max(initial=-1)) + 1
    # A graph of two kinds of node: every review is an edge from its cluster to each of its groups.
    nodes = num_clusters + int(group_labels.max(initial=-1)) + 1
    edges = (np.ones(len(rows)), (clusters[rows], num_clusters + group_labels))
    _, units = sparse.csgraph.connected_components(sparse.coo_matrix(edges, shape=(nodes, nodes)), directed=False)
    return np.asarray(units[clusters], dtype=np.int64)


def strata_of(fake: NDArray[np.bool_], sources: Sequence[str]) -> NDArray[np.int64]:
    """(N,) what every part gets its share of: the class of each review, within its source.

    Args:
        fake: (N,) class of each review.
        sources: (N,) where each is from.

    Examples:
        >>> strata_of(np.array([True, False, True]), ["en", "en", "de"]).tolist()
        [3, 2, 1]
    """
    number = {source: place for place, source in enumerate(sorted(set(sources)))}
    source_of = np.fromiter(map(number.__getitem__, sources), np.int64, len(sources))
    return np.asarray(2 * source_of + fake, dtype=np.int64)


def assign_units(
    units: NDArray[np.int64], strata: NDArray[np.int64], targets: NDArray[np.float64] | NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """(N,) the split of each review, as a row number of `targets`; all reviews of a unit go to one.

    Units go one by one, the largest first and equals in random order, each to the split where it adds least to the
    chi-square distance between the rows assigned and the rows wanted. Units of one row thus meet the targets exactly.

    Args:
        units: (N,) unit of each review.
        strata: (N,) stratum of each review, S of them, from 0.
        targets: (splits, S) reviews of each stratum wanted in each split.
        seed: Seeds the random order.
    """
    _, unit_of = np.unique(units, return_inverse=True)
    counts = np.zeros((unit_of.max(initial=-1) + 1, targets.shape[1]))
    np.add.at(counts, (unit_of, np.asarray(strata, dtype=np.int64)), 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    remaining = targets.astype(np.float64)
    # A stratum too small for a share in some split: the less that is wanted, the dearer a row more.
    scale = np.maximum(remaining, 0.5)
    split_of = np.zeros(len(counts), dtype=np.int64)
    for unit in order:
        added = (counts[unit] * (counts[unit] - 2 * remaining) / scale).sum(axis=1)
        split_of[unit] = np.argmin(added)
        remaining[split_of[unit]] -= counts[unit]
    return split_of[unit_of]
