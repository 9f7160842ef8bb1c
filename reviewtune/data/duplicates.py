"""Near-duplicate reviews: clusters of texts that share most of their word 3-grams.

The search is exact. Two sets with Jaccard similarity of at least `t` share one of the `|x| - ceil(t |x|) + 1` rarest
3-grams of each (the prefix filter of Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data
cleaning", ICDE 2006). Rare 3-grams are in few reviews, so a sparse product of those finds all candidate pairs about as
fast as MinHash LSH, which can miss some, would find most. Shape letters: `N` reviews.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

WORDS = 3
"""Words of a shingle."""

_WORD = re.compile(r"\w+")
_BLOCK_ROWS = 1024
_BLOCK_PAIRS = 100_000
_ROUNDING = 1e-9


def near_duplicate_clusters(texts: Sequence[str], *, threshold: float = 0.5) -> NDArray[np.int64]:
    """(N,) cluster labels: equal for texts joined by a chain of pairs whose similarity reaches the threshold.

    Args:
        texts: N reviews.
        threshold: Least Jaccard similarity of two sets of word 3-grams, above 0 and at most 1. Case and punctuation do
            not count. A text of one or two words is one shingle; one without words is its own.

    Examples:
        >>> texts = ["a tent that leaks in the rain", "A tent that leaks in the rain!", "the zip broke the first day"]
        >>> near_duplicate_clusters(texts).tolist()
        [0, 0, 1]
    """
    if len(texts) == 0:
        return np.zeros(0, dtype=np.int64)
    shingles = sparse.csr_matrix(CountVectorizer(analyzer=_shingles, binary=True, dtype=np.int32).fit_transform(texts))
    sizes = np.diff(shingles.indptr)
    clusters = np.arange(len(texts), dtype=np.int64)
    for pairs in _candidates(_prefixes(shingles, threshold), sizes, threshold):
        apart = pairs[:, clusters[pairs[0]] != clusters[pairs[1]]]
        clusters = _join(clusters, _similar(shingles, sizes, apart, threshold))
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)


def apart_from(
    texts: Sequence[str], known: Sequence[str], *, threshold: float = 0.5
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of N texts no chain of near-duplicates joins to a known one, and their clusters.

    Args:
        texts: N reviews.
        known: Any number of others.
        threshold: As for `near_duplicate_clusters`.

    Returns:
        (N,) true where a text is apart from all known ones, and (N,) cluster labels.

    Examples:
        >>> known = ["a tent that leaks in the rain"]
        >>> apart, _ = apart_from(["A tent that leaks in the rain!", "the zip broke on the first day"], known)
        >>> apart.tolist()
        [False, True]
    """
    own = {shingle for text in texts for shingle in _shingles(text)}
    # Who is similar to one of the texts has so many shingles of it, and so at least as many of all of them together.
    close = [text for text in known if _share_within(text, own) >= threshold - _ROUNDING]
    clusters = near_duplicate_clusters([*texts, *close], threshold=threshold)
    mine, theirs = clusters[: len(texts)], clusters[len(texts) :]
    return ~np.isin(mine, theirs), mine


def _share_within(text: str, shingles: set[str]) -> float:
    mine = set(_shingles(text))
    return len(mine & shingles) / len(mine)


def _join(clusters: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The clusters after those of each of (2, P) pairs of rows have become one."""
    graph = sparse.coo_matrix((np.ones(pairs.shape[1]), tuple(clusters[pairs])), shape=(len(clusters), len(clusters)))
    _, joined = sparse.csgraph.connected_components(graph, directed=False)
    return np.asarray(joined[clusters], dtype=np.int64)


def _shingles(text: str) -> list[str]:
    words = _WORD.findall(text.casefold())
    if len(words) < WORDS:
        return [" ".join(words) or text]
    return [" ".join(words[start : start + WORDS]) for start in range(len(words) - WORDS + 1)]


def _prefixes(shingles: sparse.csr_matrix, threshold: float) -> sparse.csr_matrix:
    """Each row's rarest shingles, as many as a similar row must meet one of, less those that no other row has."""
    sizes = np.diff(shingles.indptr)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    occurrences = np.bincount(shingles.indices, minlength=shingles.shape[1])
    rarest_first = np.lexsort((shingles.indices, occurrences[shingles.indices], rows))
    columns = shingles.indices[rarest_first]
    place = np.arange(len(rows)) - np.repeat(shingles.indptr[:-1], sizes)
    length = sizes - np.ceil(threshold * sizes - _ROUNDING) + 1
    kept = (place < length[rows]) & (occurrences[columns] > 1)
    return sparse.csr_matrix((np.ones(kept.sum(), np.int32), (rows[kept], columns[kept])), shape=shingles.shape)


def _candidates(prefixes: sparse.csr_matrix, sizes: NDArray[np.int32], threshold: float) -> Iterator[NDArray[np.int64]]:
    """(2, P) pairs of rows that share a prefix shingle and are near in size; in blocks, to bound the memory."""
    transposed = prefixes.T.tocsr()
    for start in range(0, len(sizes), _BLOCK_ROWS):
        shared = (prefixes[start : start + _BLOCK_ROWS] @ transposed).tocoo()
        pairs = np.stack([shared.row + start, shared.col])
        left, right = sizes[pairs]
        possible = (pairs[0] < pairs[1]) & (np.minimum(left, right) >= threshold * np.maximum(left, right) - _ROUNDING)
        pairs = pairs[:, possible]
        for block in range(0, pairs.shape[1], _BLOCK_PAIRS):
            yield pairs[:, block : block + _BLOCK_PAIRS]


def _similar(
    shingles: sparse.csr_matrix, sizes: NDArray[np.int32], pairs: NDArray[np.int64], threshold: float
) -> NDArray[np.int64]:
    """Those of (2, P) pairs of rows that reach the threshold, by exact count."""
    left, right = pairs
    common = np.asarray(shingles[left].multiply(shingles[right]).sum(axis=1)).ravel()
    union = sizes[left] + sizes[right] - common
    return pairs[:, common >= threshold * union - _ROUNDING]
