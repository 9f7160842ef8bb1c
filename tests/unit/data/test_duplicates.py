"""No two reviews that share half of their word 3-grams are in two clusters, counted another way."""

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data import duplicates
from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.reviews import load_texts


def word_trigrams(text: str) -> set[tuple[str, ...]]:
    plain = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text.casefold())
    words = plain.split()
    return set(zip(words, words[1:], words[2:], strict=False)) if len(words) > 2 else {tuple(words) or (text,)}


def similar_pairs(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    """All pairs at or above the threshold, by counting shared 3-grams over an inverted index."""
    sets = [word_trigrams(text) for text in texts]
    holders = defaultdict(list)
    for row, grams in enumerate(sets):
        for gram in grams:
            holders[gram].append(row)
    common: dict[tuple[int, int], int] = defaultdict(int)
    for rows in holders.values():
        for pair in combinations(rows, 2):
            common[pair] += 1
    return {(i, j) for (i, j), count in common.items() if count / (len(sets[i]) + len(sets[j]) - count) >= threshold}


def partition(pairs: set[tuple[int, int]], size: int) -> set[frozenset[int]]:
    """The connected components of the pairs, by repeated merging."""
    parts = {row: {row} for row in range(size)}
    for left, right in pairs:
        if parts[left] is not parts[right]:
            parts[left] |= parts[right]
            for row in parts[right]:
                parts[row] = parts[left]
    return {frozenset(part) for part in parts.values()}


def as_partition(clusters: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(clusters == cluster).tolist()) for cluster in np.unique(clusters)}


WORDS = st.lists(st.sampled_from("ab"), max_size=9).map(" ".join)


@given(st.lists(WORDS, max_size=12), st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.9, 1.0]))
def test_clusters_are_those_of_an_exact_count(texts: list[str], threshold: float) -> None:
    clusters = near_duplicate_clusters(texts, threshold=threshold)
    assert clusters.dtype == np.int64
    assert as_partition(clusters) == partition(similar_pairs(texts, threshold), len(texts))
    assert set(clusters) == set(range(len(set(clusters))))


def test_on_published_reviews_no_similar_pair_is_in_two_clusters(
    salminen_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = load_texts(str(salminen_csv))["text"].to_pylist()
    everything = near_duplicate_clusters(texts)
    inside, alone = (
        np.flatnonzero(mask)
        for mask in (np.bincount(everything)[everything] > 1, np.bincount(everything)[everything] == 1)
    )
    chosen = np.concatenate([inside, np.random.default_rng(0).permutation(alone)[: 2000 - len(inside)]])
    some = [texts[row] for row in chosen]
    pairs = similar_pairs(some, 0.5)
    assert len(pairs) > 400
    # Small blocks, so that their seams are among what is tested.
    monkeypatch.setattr(duplicates, "_BLOCK_ROWS", 7)
    monkeypatch.setattr(duplicates, "_BLOCK_PAIRS", 3)
    assert as_partition(near_duplicate_clusters(some)) == partition(pairs, len(some))


def test_a_chain_is_one_cluster_though_its_ends_differ() -> None:
    words = [f"w{number}" for number in range(30)]
    texts = [" ".join(words[start : start + 14]) for start in (0, 4, 8, 12)]
    assert (0, 3) not in similar_pairs(texts, 0.5)
    assert len(set(near_duplicate_clusters([*texts, "something else altogether"]))) == 2


@pytest.mark.parametrize(
    ("texts", "clusters"),
    [
        ([], 0),
        (["Great!", "great", "GREAT ..."], 1),
        (["good buy", "buy good", "good"], 3),
        (["good buy", "good buy now"], 2),
        (["!!!", "!!!", "???", ""], 3),
        (["I love this", "i LOVE, this!"], 1),
        (["a b c d", "a b c e"], 2),
        (["a b c d", "a b c"], 1),
    ],
)
def test_short_texts_case_and_the_threshold_itself(texts: list[str], clusters: int) -> None:
    assert len(set(near_duplicate_clusters(texts))) == clusters


def test_thousands_of_copies_of_a_template_stay_cheap() -> None:
    texts = [f"I love this thing a lot indeed says w{number}" for number in range(3000)]
    assert len(set(near_duplicate_clusters(texts))) == 1
