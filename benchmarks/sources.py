"""What default configurations are worth on a source that they were not trained on, and what may help.

    python benchmarks/sources.py --data shop=salminen.csv:CG --data en=en.csv:generated --data de=de.csv:generated

Each family is trained without each source in turn, as it is, on sources weighed alike (`--balance source`), on texts
made alike beside the texts themselves (`--augment surface`), and with both; scored on the source that was left out, at
the threshold of a training on all sources. Embeddings are made by MiniLM on the CPU, 30 reviews a second and core.
"""

import argparse
from dataclasses import dataclass
from functools import cached_property
from statistics import mean
from typing import Any

import numpy as np

from reviewtune.data.alike import all_alike
from reviewtune.data.folds import make_folds
from reviewtune.data.reviews import load_reviews
from reviewtune.data.splits import make_split
from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.evaluation.operating_basis import OperatingPoint, calibrated
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.schema import FAKE, SOURCE, TEXT
from reviewtune.tuning.balance import balanced
from reviewtune.tuning.left_out import leave_out
from reviewtune.tuning.training import Fold

WAYS = {"as it is": (False, False), "balance": (True, False), "augment": (False, True), "both": (True, True)}
FOLDS = 3


@dataclass
class Reviews:
    """N reviews and their second forms."""

    texts: list[str]
    fake: Any
    sources: Any
    units: Any
    seed: int

    @cached_property
    def forms(self) -> list[str]:
        """2 N texts: as they are, then made alike."""
        return [*self.texts, *all_alike(self.texts, self.seed)]

    @cached_property
    def embeddings(self) -> Any:
        """(2 N, D) of both."""
        return TextEncoder(resolve_encoder("minilm")).embed(self.forms)

    def rows(self, name: str) -> Rows:
        """Both forms, as a family reads them."""
        inputs = self.forms if get_family(name).inputs == "texts" else self.embeddings
        return Rows(inputs, np.tile(self.fake, 2))

    def said(self, name: str, fold: Fold, way: str) -> Any:
        """What the default configuration says of what a fold holds out."""
        balance, augment = WAYS[way]
        if balance:
            fold = balanced(fold, self.fake, self.sources.tolist())
        if augment:
            fold = fold.on_both_forms(len(self.texts))
        family, rows = get_family(name), self.rows(name)
        *_, last = family.fit(family.params(), rows.take(fold.train), Setting(fold.seed))
        return last.model.scores(rows.take(fold.held_out).inputs)

    def point(self, name: str, way: str) -> tuple[OperatingPoint, float]:
        """Calibration and threshold by what folds of all sources say, and F1 there."""
        fold_of, folds = make_folds(self.units, self.fake, folds=FOLDS, seed=self.seed, sources=self.sources.tolist())
        scores = np.empty(len(self.fake))
        for number in range(folds):
            fold = Fold(np.flatnonzero(fold_of != number), np.flatnonzero(fold_of == number), self.seed)
            scores[fold.held_out] = self.said(name, fold, way)
        point = calibrated(scores, self.fake, self.units)
        probability = point.calibration.apply(scores)
        home = elsewhere_scores(self.fake, probability, probability > point.threshold, self.units)
        return point, home.f1


def main() -> None:
    """Print a Markdown table of families and ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--families", nargs="+", default=["rules", "tfidf", "logreg"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--most", type=int, default=2000, help="reviews of a source, at most")
    parser.add_argument("--rest", type=int, help="the same of all sources but the largest")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    reviews = _reviews(options.data, options.most, options.rest or options.most, options.seed)
    left_out = leave_out(reviews.sources, reviews.units, reviews.fake, seed=options.seed, most=10).folds
    names = " | ".join(left_out)
    print(f"{len(reviews.fake):,} reviews; F1 / ROC AUC on each source by a training without it\n")
    print(f"| family | trained | F1 at home | {names} | mean |\n|---|---|---:|{'---:|' * (len(left_out) + 1)}")
    for name in options.families:
        for way in options.ways:
            point, home = reviews.point(name, way)
            found = []
            for fold in left_out.values():
                probability = point.calibration.apply(reviews.said(name, fold, way))
                own = fold.held_out
                called = probability > point.threshold
                found.append(elsewhere_scores(reviews.fake[own], probability, called, reviews.units[own]))
            both = [(scores.f1, scores.roc_auc) for scores in found]
            both.append((mean(f1 for f1, _ in both), mean(area for _, area in both)))
            cells = " | ".join(f"{f1:.3f} / {area:.3f}" for f1, area in both)
            print(f"| {name} | {way} | {home:.3f} | {cells} |", flush=True)


def _reviews(data: list[str], most: int, rest: int, seed: int) -> Reviews:
    """Some of each source, drawn by the seed: `most` of the largest, `rest` of any other."""
    loaded = load_reviews(data)
    split = make_split(loaded, seed=seed).table
    sources = np.array(loaded.table[SOURCE].to_pylist(), dtype=object)
    order = np.random.default_rng(seed).permutation(len(sources))
    names, counts = np.unique(sources.astype(str), return_counts=True)
    room = {name: most if number == counts.argmax() else rest for number, name in enumerate(names)}
    some = np.sort(np.concatenate([order[sources[order] == name][: room[name]] for name in names]))
    fake = loaded.table[FAKE].to_numpy(zero_copy_only=False)[some]
    texts = loaded.table[TEXT].take(some).to_pylist()
    return Reviews(texts, fake, sources[some], split["cluster"].to_numpy()[some], seed)


if __name__ == "__main__":
    main()
