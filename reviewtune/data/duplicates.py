"""Near-duplicate reviews: clusters of texts that share most of their word 3-grams. The search is exact (`set_join`).

Shape letter: `N` reviews.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.rarest_first import ROUNDING, rarest_first
from reviewtune.data.set_join import SetJoin
from reviewtune.data.shingles import ShingleSets, batches, shingle_sets


def near_duplicate_clusters(texts: Iterable[str], *, threshold: float = 0.5) -> NDArray[np.int64]:
    """(N,) cluster labels: equal for texts joined by a chain of pairs whose similarity reaches the threshold.

    Args:
        texts: N reviews, read once.
        threshold: Least Jaccard similarity of two sets of word 3-grams, above 0 and at most 1. Case and punctuation do
            not count. A text of one or two words is one shingle; one without words is its own.

    Returns:
        Numbers from 0, in the order in which clusters first occur.

    Examples:
        >>> texts = ["a tent that leaks in the rain", "A tent that leaks in the rain!", "the zip broke the first day"]
        >>> near_duplicate_clusters(texts).tolist()
        [0, 0, 1]
    """
    return _clusters(shingle_sets(texts), threshold)


def apart_from(
    texts: Sequence[str], known: Iterable[str], *, threshold: float = 0.5
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which of N texts no chain of near-duplicates joins to a known one, and their clusters.

    Args:
        texts: N reviews.
        known: Any number of others, read once.
        threshold: As for `near_duplicate_clusters`.

    Returns:
        (N,) true where a text is apart from all known ones, and (N,) cluster labels.

    Examples:
        >>> known = ["a tent that leaks in the rain"]
        >>> apart, _ = apart_from(["A tent that leaks in the rain!", "the zip broke on the first day"], known)
        >>> apart.tolist()
        [False, True]
    """
    own = np.unique(np.concatenate([np.zeros(0, np.uint64), *shingle_sets(texts).batches]))
    clusters = near_duplicate_clusters(chain(texts, _close(known, own, threshold)), threshold=threshold)
    mine, theirs = clusters[: len(texts)], clusters[len(texts) :]
    return ~np.isin(mine, theirs), mine


def _close(known: Iterable[str], own: NDArray[np.uint64], threshold: float) -> Iterator[str]:
    """The known texts that may be similar to one of those whose shingles are `own`, which ascend.

    Who is similar to one of them has so many shingles of it, and so at least as many of all of them together.
    """
    for texts in batches(known):
        sets = shingle_sets(texts)
        keys = np.concatenate(sets.batches)
        places = np.minimum(np.searchsorted(own, keys), len(own) - 1)
        rows = np.repeat(np.arange(len(texts)), sets.sizes)
        common = np.bincount(rows[own[places] == keys] if len(own) else [], minlength=len(texts))
        yield from (texts[row] for row in np.flatnonzero(common >= threshold * sets.sizes - ROUNDING))


def _clusters(sets: ShingleSets, threshold: float) -> NDArray[np.int64]:
    left, shared = rarest_first(sets, threshold)
    first = np.arange(len(sets), dtype=np.int64)
    sizes = sets.sizes[left]
    sets.batches.clear()  # As large as the texts, and done with.
    if len(left):
        joined = SetJoin(shared, sizes, threshold).clusters()
        first[left] = left[np.unique(joined, return_index=True)[1][joined]]
    return np.unique(first, return_inverse=True)[1].astype(np.int64)
