"""No two reviews that share half of their word 3-grams are in two clusters, counted another way."""

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewtune.data import rarest_first, set_join
from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.reviews import load_texts
from reviewtune.data.shingles import shingle_sets


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


PIECES = st.lists(
    st.sampled_from(["the zip broke on", "the very first day", "a good tent", "for my dog it is", "x y", "never"]),
    min_size=1,
    max_size=6,
).map(" ".join)
WORDS = st.lists(st.sampled_from("ab"), max_size=9).map(" ".join)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that their seams are among what is tested."""
    monkeypatch.setattr(set_join, "_BLOCK_SETS", 7)
    monkeypatch.setattr(set_join, "_BLOCK_PAIRS", 3)


@given(st.lists(WORDS, max_size=12), st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.9, 1.0]))
def test_clusters_are_those_of_an_exact_count(texts: list[str], threshold: float) -> None:
    clusters = near_duplicate_clusters(texts, threshold=threshold)
    assert clusters.dtype == np.int64
    assert as_partition(clusters) == partition(similar_pairs(texts, threshold), len(texts))
    assert set(clusters) == set(range(len(set(clusters))))


def test_on_published_reviews_no_similar_pair_is_in_two_clusters(salminen_csv: Path, small_blocks: None) -> None:
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
        (["这款帐篷很好用我很喜欢它。", "这款帐篷很好用我很喜欢的。", "房间很干净但是早餐不好吃。"], 2),
        (["テントはとても使いやすい", "テントはとても使いやすく", "部屋はきれいでした"], 2),
        (["เต็นท์นี้ใช้ดีมากจริงๆ", "เต็นท์นี้ใช้ดีมากจริง", "ห้องพักสะอาดมาก"], 2),
    ],
)
def test_short_texts_case_and_the_threshold_itself(texts: list[str], clusters: int) -> None:
    assert len(set(near_duplicate_clusters(texts))) == clusters


def test_thousands_of_copies_of_a_template_stay_cheap() -> None:
    texts = [f"I love this thing a lot indeed says w{number}" for number in range(3000)]
    assert len(set(near_duplicate_clusters(texts))) == 1


@given(st.lists(PIECES, min_size=2, max_size=40), st.sampled_from([0.2, 0.5, 0.8]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_recombined_sentences_are_clustered_exactly(small_blocks: None, texts: list[str], threshold: float) -> None:
    found = near_duplicate_clusters(texts, threshold=threshold)
    assert as_partition(found) == partition(similar_pairs(texts, threshold), len(texts))
    # In the order of their first text, which the seeded order of a split goes by.
    assert list(dict.fromkeys(found.tolist())) == list(range(len(set(found.tolist()))))


def test_a_sentence_that_thousands_of_reviews_share_is_cheap_and_joins_none(monkeypatch: pytest.MonkeyPatch) -> None:
    met = count_candidates(monkeypatch)
    said = "I received this product for free in exchange for my honest and unbiased review"
    rng = np.random.default_rng(0)
    own = [" ".join(f"w{word}" for word in rng.integers(300, size=rng.integers(18, 60))) for _ in range(4000)]
    texts = [f"{said} {text}" if row % 2 else f"{text} {said}" for row, text in enumerate(own)]
    assert len(set(near_duplicate_clusters(texts))) == len(texts)
    assert sum(met) < 10 * len(texts)


def test_reviews_that_say_little_else_are_one_cluster_without_meeting_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met = count_candidates(monkeypatch)
    said = "I received this product for free in exchange for my honest and unbiased review"
    texts = [f"{said} {'really ' * (number % 4)}w{number}" for number in range(4000)]
    assert len(set(near_duplicate_clusters(texts))) == 1
    assert sum(met) < 10 * len(texts)


def count_candidates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs are counted, call by call."""
    met: list[int] = []
    join = set_join.SetJoin._join

    def counting(self: set_join.SetJoin, left: np.ndarray, right: np.ndarray) -> None:
        met.append(len(left))
        join(self, left, right)

    monkeypatch.setattr(set_join.SetJoin, "_join", counting)
    return met


def test_shingles_of_one_set_alone_have_no_column_and_sets_without_enough_others_no_row() -> None:
    shared = "one two three four five six"
    texts = [f"{shared} a b c", f"{shared} d e f", "one two three and then quite another thing", "nothing at all alike"]
    rows, columns = rarest_first.rarest_first(shingle_sets(texts), 0.5)
    assert rows.tolist() == [0, 1]
    assert columns.toarray().tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]


@given(st.lists(st.text(alphabet="ab .", max_size=12), max_size=8))
def test_a_set_has_each_shingle_once(texts: list[str]) -> None:
    sets = shingle_sets(texts)
    assert sets.sizes.tolist() == [len(word_trigrams(text)) for text in texts]
    assert sum(map(len, sets.batches)) == sum(sets.sizes)
    keys = np.concatenate([*sets.batches, np.zeros(0, np.uint64)])
    ends = np.cumsum(sets.sizes)
    of_key = {}
    for text, own in zip(texts, np.split(keys, ends[:-1]) if texts else [], strict=True):
        assert len(set(own.tolist())) == len(own)
        of_key.setdefault(frozenset(own.tolist()), set()).add(frozenset(word_trigrams(text)))
    assert all(len(same) == 1 for same in of_key.values())
