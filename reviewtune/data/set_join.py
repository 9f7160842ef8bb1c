"""Sets that reach a Jaccard similarity, joined into clusters: exact, in time that hardly rises with their number.

Shingles have one order, the rarest first. Two sets with `o` of them in common have the first of those no later than `o`
from the end of both (the prefix filter of Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in
data cleaning", ICDE 2006; by places, Xiao, Wang, Lin and Yu, "Efficient similarity joins for near duplicate detection",
WWW 2008): pairs that meet there are candidates, and counted. As clusters are wanted and no pairs, two sets that are in
one cluster by then are not looked at: so a sentence that 50,000 reviews share costs little.

Shape letters: `K` sets, `C` columns, one a shingle that several sets have, `I` places of the index, `P` pairs of sets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from reviewtune.data.rarest_first import ROUNDING, Numbers

_BLOCK_PAIRS = 1_000_000
_BLOCK_SETS = 50_000

Ints = NDArray[np.int64]
Wholes = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class _Index:
    """Where a set may meet those that are no smaller: places, by column and by size.

    Attributes:
        row: (I,) whose each is.
        rest: (I,) how many shingles of the row come from there on, this one too.
        keys: (I,) column and size in one number, ascending.
        heads: (C,) the smallest row of each column; -1 where there is none.
        head: (I,) that of the place's column.
    """

    row: Numbers
    rest: Numbers
    keys: Ints
    heads: Numbers
    head: Numbers


@dataclass(frozen=True)
class _Probes:
    """Where a set may meet those that are no larger: at the places of the index from `start` to `end`.

    Attributes:
        row: Whose each is.
        head: The smallest row of the column.
        start: The first place.
        end: That after the last.
    """

    row: Numbers
    head: Numbers
    start: Numbers
    end: Numbers


class SetJoin:
    """Joins K sets.

    Args:
        sets: (K, C) ones, the columns of each row ascending.
        sizes: (K,) of the sets, with the shingles that each has alone: these come before all of its columns.
        threshold: Least Jaccard similarity, above 0 and at most 1.
    """

    def __init__(self, sets: sparse.csr_matrix, sizes: Numbers, threshold: float) -> None:
        self.sets, self.sizes, self.threshold = sets, sizes, threshold
        self.counts = np.diff(sets.indptr)
        self.widest = int(sizes.max()) + 1
        self.cluster = np.arange(len(sizes), dtype=np.int32)

    def clusters(self) -> Numbers:
        """(K,) labels, from 0 in the order of first occurrence: equal for sets joined by a chain of similar pairs."""
        index = self._index()
        probes = self._probes(index)
        # Each with the smallest that it meets first: where many are alike that makes them one cluster, the main one of
        # their columns, which is left out when the others meet.
        self._meet(index, np.arange(len(index.row)), probes.row, probes.start, np.minimum(probes.end, probes.start + 1))
        for main in (False, True):
            met = (self.cluster[index.row] == self.cluster[index.head]) == main
            asked = (self.cluster[probes.row] != self.cluster[probes.head]) | (not main)
            before = np.concatenate([[0], np.cumsum(met)])
            start, end = before[probes.start[asked]], before[probes.end[asked]]
            self._meet(index, np.flatnonzero(met), probes.row[asked], start, end)
        return self.cluster

    def _least(self, total: Numbers) -> NDArray[np.floating[Any]]:
        """What two sets must have in common, by the sum of their sizes."""
        return (self.threshold * total - ROUNDING) / (1 + self.threshold)

    def _index(self) -> _Index:
        row, place = self._first(0, len(self.sizes), self._least(2 * self.sizes))
        keys = self.sets.indices[place].astype(np.int64) * self.widest + self.sizes[row]
        order = np.argsort(keys, kind="stable")
        row, place, keys = row[order], place[order], keys[order]
        heads = np.full(self.sets.shape[1], -1, dtype=np.int32)
        column = self.sets.indices[place]
        heads[column[::-1]] = row[::-1]
        return _Index(row, self.sets.indptr[1:][row] - place, keys, heads, heads[column])

    def _probes(self, index: _Index) -> _Probes:
        parts = [self._probes_of(index, first) for first in range(0, len(self.sizes), _BLOCK_SETS)]
        return _Probes(*map(np.concatenate, zip(*parts, strict=True)))

    def _probes_of(self, index: _Index, first: int) -> tuple[Numbers, ...]:
        """Those of a block of sets, from `first` on."""
        row, place = self._first(first, first + _BLOCK_SETS, self.threshold * self.sizes - ROUNDING)
        column, size, rest = self.sets.indices[place], self.sizes[row], self.sets.indptr[1:][row] - place
        least = np.ceil(self.threshold * size - ROUNDING).astype(np.int64)
        # What comes from here on bounds what is common, and so the size of the other.
        most = np.floor((1 + 1 / self.threshold) * rest + 2 * ROUNDING / self.threshold).astype(np.int64) - size
        # In the order of the index, which is searched the faster for it.
        order = np.argsort(column, kind="stable")
        keys = column[order].astype(np.int64) * self.widest
        start, end = np.empty((2, len(row)), dtype=np.int32)
        start[order] = np.searchsorted(index.keys, keys + least[order])
        end[order] = np.searchsorted(index.keys, keys + np.clip(most, 0, size)[order], side="right")
        some = end > start
        return row[some], index.heads[column[some]], start[some], end[some]

    def _first(self, begin: int, end: int, least: NDArray[np.floating[Any]]) -> tuple[Numbers, Numbers]:
        """Of some rows the places from which on a row has as many shingles as `least` (K,) says, and whose they are."""
        counts = np.maximum(self.counts - np.ceil(least).astype(np.int32) + 1, 0)[begin:end]
        row, place = _ranges(self.sets.indptr[begin:][: len(counts)], counts)
        return (row + begin).astype(np.int32), place.astype(np.int32)

    def _meet(self, index: _Index, met: Ints, row: Numbers, start: Wholes, end: Wholes) -> None:
        """Join the similar ones of each of some rows and the index's rows at the places `met` from start to end."""
        for probe, number in _blocks(start, end - start):
            place = met[number]
            left, right = index.row[place], row[probe]
            smaller, larger = self.sizes[left], self.sizes[right]
            apart = (self.cluster[left] != self.cluster[right]) & (index.rest[place] >= self._least(smaller + larger))
            apart &= (smaller < larger) | (left < right)
            self._join(left[apart].astype(np.int64), right[apart])

    def _join(self, left: Ints, right: Numbers) -> None:
        """Make one cluster of those of each pair that is similar, by exact count."""
        left, right = np.divmod(np.unique(left * len(self.sizes) + right), len(self.sizes))
        common = np.asarray(self.sets[left].multiply(self.sets[right]).sum(axis=1)).ravel()
        similar = common >= self._least(self.sizes[left] + self.sizes[right])
        if similar.any():
            edges = self.cluster[left[similar]], self.cluster[right[similar]]
            graph = sparse.coo_matrix((np.ones(len(edges[0]), np.int8), edges), shape=self.cluster.shape * 2)
            self.cluster = sparse.csgraph.connected_components(graph, directed=False)[1][self.cluster]


def _ranges(starts: Wholes, counts: Wholes) -> tuple[Ints, Ints]:
    """(P,) numbers of ranges and (P,) places in them: range n has `counts[n]`, from `starts[n]` on."""
    which = np.repeat(np.arange(len(counts)), counts)
    return which, (starts - np.cumsum(counts) + counts)[which] + np.arange(len(which))


def _blocks(starts: Wholes, counts: Wholes) -> Iterator[tuple[Ints, Ints]]:
    """The same, block by block."""
    some = np.flatnonzero(counts)
    ends = np.cumsum(counts[some])
    begin = 0
    while begin < len(some):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _BLOCK_PAIRS, side="right")))
        own = some[begin:end]
        which, places = _ranges(starts[own], counts[own])
        yield own[which], places
        begin = end
