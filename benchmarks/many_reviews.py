"""Any number of labelled reviews, made of some real ones, such that near-duplicates and boilerplate occur as in life.

A review is copied word by word from another, and now and then goes on in a third, at a word that both have, or says
some other word: so it says what was said before, in phrases that partly are new. Of 100 reviews two are another one
with some words replaced, a few models with many copies; five begin or end with one and the same sentence.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from reviewtune.data.reviews import load_reviews
from reviewtune.schema import FAKE, TEXT

PART_ROWS = 50_000
GOES_ON_ELSEWHERE, ANOTHER_WORD = 0.15, 0.12
"""Of the words of a review: so 53 % of the 3-grams of 13,900 made reviews are those of others, as in salminen.csv."""
NEAR_DUPLICATES, REPLACED = 0.02, 0.08
BOILERPLATE = 0.05
SENTENCE = "I received this product for free in exchange for my honest and unbiased review."
SCHEMA = pa.schema([("text", pa.string()), ("label", pa.string())])


class Recombined:
    """Reviews that are made of others.

    Args:
        texts: The others.
        fake: (len(texts),) their classes.
        seed: Equal seeds make equal reviews.
    """

    def __init__(self, texts: list[str], fake: NDArray[np.bool_], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        spelled = [text.split() or ["."] for text in texts]
        self.lengths = np.array([len(words) for words in spelled])
        self.begins = np.cumsum(self.lengths) - self.lengths
        self.fake = fake
        plain = np.array([word for words in spelled for word in words], dtype=object)
        self.words, self.corpus = np.unique(plain, return_inverse=True)
        # The places of each word, those of one word side by side.
        self.places = np.argsort(self.corpus, kind="stable")
        self.uses = np.bincount(self.corpus)
        self.first = np.cumsum(self.uses) - self.uses

    def parts(self, count: int) -> Iterator[pa.Table]:
        """`count` reviews, with their labels, a part at a time."""
        for begin in range(0, count, PART_ROWS):
            rows = min(PART_ROWS, count - begin)
            words, fake = self._walks(rows)
            self._repeat(words)
            texts = [" ".join(self.words[own]) for own in words]
            for row in np.flatnonzero(self.rng.random(rows) < BOILERPLATE):
                texts[row] = f"{SENTENCE} {texts[row]}" if self.rng.random() < 0.5 else f"{texts[row]} {SENTENCE}"
            labels = np.where(fake, "fake", "genuine").tolist()
            yield pa.table([pa.array(texts), pa.array(labels)], schema=SCHEMA)

    def _walks(self, count: int) -> tuple[list[NDArray[np.int64]], NDArray[np.bool_]]:
        """The words of so many reviews, and the class of the one that each begins in."""
        source = self.rng.integers(len(self.lengths), size=count)
        lengths = self.rng.permutation(self.lengths[self.rng.integers(len(self.lengths), size=count)])
        ends = np.cumsum(lengths)
        words = np.empty(ends[-1], dtype=np.int64)
        place = self.begins[source].copy()
        for step in range(lengths.max()):
            going = np.flatnonzero(lengths > step)
            now = self.corpus[place[going]]
            other = self.corpus[self.rng.integers(len(self.corpus), size=len(going))]
            said = np.where(self.rng.random(len(going)) < ANOTHER_WORD, other, now)
            words[ends[going] - lengths[going] + step] = said
            leaves = self.rng.random(len(going)) < GOES_ON_ELSEWHERE
            where = self.first[now] + (self.rng.random(len(going)) * self.uses[now]).astype(np.int64)
            place[going] = (np.where(leaves, self.places[where], place[going]) + 1) % len(self.corpus)
        return np.split(words, ends[:-1]), self.fake[source]

    def _repeat(self, words: list[NDArray[np.int64]]) -> None:
        """Make some rows near-duplicates of others: how many of one falls off as in Zipf's law."""
        copies = np.flatnonzero(self.rng.random(len(words)) < NEAR_DUPLICATES)
        models = self.rng.permutation(len(words))[np.minimum(self.rng.zipf(1.5, len(copies)), len(words)) - 1]
        for row, model in zip(copies, models, strict=True):
            again = words[model].copy()
            other = self.rng.random(len(again)) < REPLACED
            again[other] = self.corpus[self.rng.integers(len(self.corpus), size=int(other.sum()))]
            words[row] = again


def write_many(source: str, fake_label: str | None, count: int, path: Path, seed: int = 0) -> None:
    """Write `count` reviews made of those of a source to a Parquet file."""
    reviews = load_reviews(source, fake_label=fake_label)
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    with parquet.ParquetWriter(path, SCHEMA) as writer:
        for part in Recombined(reviews.table[TEXT].to_pylist(), fake, seed).parts(count):
            writer.write_table(part)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sample", help="labelled reviews that others are made of")
    parser.add_argument("--fake-label")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    asked = parser.parse_args()
    write_many(asked.data, asked.fake_label, asked.rows, asked.output, asked.seed)
