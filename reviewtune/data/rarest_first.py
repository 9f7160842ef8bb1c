"""What sets share, in the order in which they are joined: each set's rarest shingles first, and only what can matter.

Shape letters: `N` sets, `K` of them that are left, `S` shingles of all of these.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from reviewtune.data.shingles import ShingleSets

ROUNDING = 1e-9
_PART_BITS = 4
"""Shingles are counted in 16 parts, by their first bits, to bound the memory."""
_FEW = 0.01
"""Sets are dropped in rounds, until a round drops less than this share of what is left."""

Numbers = NDArray[np.int32]


def rarest_first(sets: ShingleSets, threshold: float) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
    """(K,) ascending rows of the sets that may be similar to another, and these as (K, columns) ones.

    A shingle is a column if several sets have it; the rarer it is, the lower the column. Each row's are ascending.

    Args:
        sets: N of them.
        threshold: Least Jaccard similarity.
    """
    rows, shingles = _worth_joining(*_shared(sets), sets.sizes, threshold)
    counts = np.bincount(rows, minlength=len(sets))
    left = np.flatnonzero(counts)
    holders = np.bincount(shingles)
    column = np.empty(len(holders), dtype=np.int32)
    column[np.argsort(holders, kind="stable")] = np.arange(len(holders), dtype=np.int32)
    keys = rows.astype(np.int64)
    keys *= len(holders)
    keys += column[shingles]
    keys.sort()
    keys %= max(1, len(holders))
    ends = np.concatenate([[0], np.cumsum(counts[left])])
    ones = np.ones(len(keys), dtype=np.int8)
    return left, sparse.csr_matrix((ones, keys.astype(np.int32), ends), shape=(len(left), len(holders)))


def _shared(sets: ShingleSets) -> tuple[Numbers, Numbers]:
    """(S,) rows and (S,) numbers, from 0, of the shingles that several sets have, row by row."""
    parts = [(keys >> np.uint64(64 - _PART_BITS)).astype(np.uint8) for keys in sets.batches]
    starts = np.cumsum([0, *map(len, parts)])
    numbers = np.full(starts[-1], -1, dtype=np.int32)
    known = 0
    for part in range(2**_PART_BITS if parts else 0):
        own = [np.flatnonzero(of == part) for of in parts]
        keys = np.concatenate([keys[some] for keys, some in zip(sets.batches, own, strict=True)])
        places = np.concatenate([start + some for start, some in zip(starts[:-1], own, strict=True)])
        order = np.argsort(keys)
        keys = keys[order]
        new = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        holders = np.diff(new, append=len(keys))
        several = holders > 1
        numbers[places[order]] = np.repeat(np.where(several, known + np.cumsum(several) - 1, -1), holders)
        known += int(several.sum())
    kept = numbers >= 0
    return np.repeat(np.arange(len(sets), dtype=np.int32), sets.sizes)[kept], numbers[kept]


def _worth_joining(rows: Numbers, shingles: Numbers, sizes: Numbers, threshold: float) -> tuple[Numbers, Numbers]:
    """The (S,) rows and shingles without the sets that share too few with all others to be similar to one."""
    needed = np.ceil(threshold * sizes - ROUNDING)
    while len(rows):
        kept = (np.bincount(rows, minlength=len(sizes)) >= needed)[rows]
        kept &= (np.bincount(shingles[kept], minlength=int(shingles.max()) + 1) > 1)[shingles]
        if kept.all():
            break
        rows, shingles = rows[kept], shingles[kept]
        if np.count_nonzero(kept) >= (1 - _FEW) * len(kept):
            break
    return rows, shingles
