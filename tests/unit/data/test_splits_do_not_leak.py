"""No near-duplicate pair of 2,000 reviews stands in two splits, by a count that shares nothing with the package."""

import re
from pathlib import Path

import pytest
from pyarrow import csv, parquet

from reviewtune.data.reviews import load_reviews
from reviewtune.data.sample import generate
from reviewtune.data.splits import make_split
from reviewtune.schema import ID, SPLIT, TEXT

ROWS = 2000


def trigrams(text: str) -> frozenset[str]:
    words = re.findall(r"\w+", text.casefold())
    return frozenset(" ".join(words[start : start + 3]) for start in range(max(1, len(words) - 2)))


def similar(left: frozenset[str], right: frozenset[str]) -> bool:
    return 2 * len(left & right) >= len(left | right)


def leaking_pairs(path: Path) -> tuple[int, int]:
    """Near-duplicate pairs, all two million looked at, and how many of them stand in two splits."""
    reviews = load_reviews(str(path))
    split_of = dict(zip(*(make_split(reviews).table[name].to_pylist() for name in (ID, SPLIT)), strict=True))
    rows = [(trigrams(row[TEXT]), split_of[row[ID]]) for row in reviews.table.select([ID, TEXT]).to_pylist()]
    pairs = [
        (split, other)
        for index, (grams, split) in enumerate(rows)
        for others, other in rows[:index]
        if similar(grams, others)
    ]
    return len(pairs), sum(split != other for split, other in pairs)


def test_the_sample_corpus(tmp_path: Path) -> None:
    sample = generate(ROWS, seed=3).select(["text", "label"])
    parquet.write_table(sample, tmp_path / "sample.parquet")
    pairs, leaking = leaking_pairs(tmp_path / "sample.parquet")
    assert pairs > 50
    assert leaking == 0


def test_published_reviews(salminen_csv: Path, tmp_path: Path) -> None:
    table = csv.read_csv(salminen_csv).select(["text", "label"]).slice(0, ROWS)
    parquet.write_table(table, tmp_path / "some.parquet")
    pairs, leaking = leaking_pairs(tmp_path / "some.parquet")
    assert leaking == 0
    if not pairs:
        pytest.skip("none of these rows is a near-duplicate of another")
