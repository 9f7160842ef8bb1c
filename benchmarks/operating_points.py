"""Whether a limit of false alarms is kept, what keeping it costs, and what the intervals of an entry's TPR cover.

Data sets are drawn from two normal distributions, 2.5 apart, whose rates are known; reviews of a unit have half of
their variance, or all of it (copies), in common. Prevalence: calibrated where half are fake, judged on reviews that are
drawn anew, of which another share is.

    python benchmarks/operating_points.py [--studies 1000]
    python benchmarks/operating_points.py --data reviews.csv --fake-label CG [--draws 20]

With `--data`: TF-IDF on real reviews, as a study does it. The threshold comes of what folds of one half say, each
review held out from some training; the model is trained on that half, and judged on the other, near-duplicates apart.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.folds import make_folds
from reviewtune.data.reviews import load_reviews
from reviewtune.errors import DataError
from reviewtune.evaluation.metrics import expected_calibration_error
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.evaluation.operating_point import f1_at, precision_at, threshold_at_fpr
from reviewtune.evaluation.roc_interval import tpr_interval
from reviewtune.families.base import Rows, Setting
from reviewtune.families.tfidf import TfidfFamily

APART = 2.5
KINDS = {"1": (1, 0.0), "2, copies": (2, 1.0), "5, groups": (5, 0.5), "20, groups": (20, 0.5)}
"""Reviews of a unit, and the share of their variance that they have in common."""


def drawn(
    rows: int, share: float, kind: str, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Scores, labels and units of so many reviews; copies have one label."""
    size, alike = KINDS[kind]
    units = np.arange(rows) // size
    common = random.standard_normal(units[-1] + 1)[units]
    own = random.standard_normal(rows)
    fake = (random.random(units[-1] + 1) < share)[units] if alike == 1 else random.random(rows) < share
    return np.sqrt(alike) * common + np.sqrt(1 - alike) * own + APART * fake, fake, units


def limits(studies: int) -> None:
    """Print how often the threshold keeps the limit, and what it finds, beside the plain quantile."""
    print("| limit | genuine reviews | in units of | keeps it | plain quantile | FPR | TPR | TPR at the limit itself |")
    print("|---:|---:|---|---:|---:|---:|---:|---:|")
    for limit, rows in ((0.05, 300), (0.01, 300), (0.01, 1000), (0.01, 5000), (0.001, 3000), (0.001, 30_000)):
        for kind in KINDS:
            random, found, plain = np.random.default_rng(rows), [], []
            try:
                for _ in range(studies):
                    genuine, _, units = drawn(rows, 0.0, kind, random)
                    found.append(threshold_at_fpr(genuine, limit, units=units))
                    plain.append(np.quantile(genuine, 1 - limit))
            except DataError:
                print(f"| {limit:.1%} | {rows:,} | {kind} | too few | | | | |")
                continue
            fpr, tpr = stats.norm.sf(found), stats.norm.sf(np.array(found) - APART)
            of_plain, best = stats.norm.sf(plain), stats.norm.sf(stats.norm.isf(limit) - APART)
            print(
                f"| {limit:.1%} | {rows:,} | {kind} | {(fpr <= limit).mean():.3f} | {(of_plain <= limit).mean():.3f} "
                f"| {fpr.mean():.2%} | {tpr.mean():.3f} | {best:.3f} |",
                flush=True,
            )


def intervals(studies: int) -> None:
    """Print what the intervals of the share of fakes found cover, and how wide they are."""
    print("| reviews | in units of | 1 %: covers | width | 0.1 %: covers | width |")
    print("|---:|---|---:|---:|---:|---:|")
    for rows in (300, 1000, 3000, 10_000):
        for kind in KINDS:
            told = []
            for limit in (0.01, 0.001):
                random, true = np.random.default_rng(rows), stats.norm.sf(stats.norm.isf(limit) - APART)
                ends = []
                for _ in range(studies):
                    scores, fake, units = drawn(rows, 0.5, kind, random)
                    ends.append(tpr_interval(fake, scores, limit, units=units))
                low, high = np.array(ends).T
                told.append(f"{((low <= true) & (true <= high)).mean():.3f} | {(high - low).mean():.3f}")
            print(f"| {rows:,} | {kind} | {' | '.join(told)} |", flush=True)


def prevalences() -> None:
    """Print what the correction promises, and what reviews of that share show."""
    random = np.random.default_rng(0)
    known, truth, _ = drawn(20_000, 0.5, "1", random)
    print("| fakes | ECE as calibrated | corrected | threshold | precision: promised | seen | F1: promised | seen |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for prevalence in (0.01, 0.05, 0.2, 0.5, 0.8):
        point = calibrated(known, truth, prevalence=prevalence)
        as_known = point.basis.corrected(point.calibration.apply(known), prevalence) > point.threshold
        rates = (float(as_known[truth].mean()), float(as_known[~truth].mean()))
        scores, fake, _ = drawn(400_000, prevalence, "1", random)
        plain = point.calibration.apply(scores)
        corrected = point.basis.corrected(plain, prevalence)
        called = corrected > point.threshold
        hits = (called & fake).sum()
        print(
            f"| {prevalence:.0%} | {expected_calibration_error(fake, plain):.4f} "
            f"| {expected_calibration_error(fake, corrected):.4f} | {point.threshold:.3f} "
            f"| {precision_at(prevalence, *rates):.3f} | {hits / called.sum():.3f} "
            f"| {f1_at(prevalence, *rates):.3f} | {2 * hits / (called.sum() + fake.sum()):.3f} |"
        )


def outside(options: argparse.Namespace) -> None:
    """Print the false-alarm rate, on reviews that were not there, of thresholds that folds chose."""
    reviews = load_reviews(options.data, fake_label=options.fake_label).table
    texts, fake = np.array(reviews["text"].to_pylist(), dtype=object), reviews["fake"].to_numpy(zero_copy_only=False)
    clusters, family = near_duplicate_clusters(texts.tolist()), TfidfFamily()

    def scored(known: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float64]:
        fit = family.fit(family.params(), Rows(texts[known].tolist(), fake[known]), Setting())
        return next(iter(fit)).model.scores(texts[others].tolist())

    rates: dict[float, list[tuple[float, float, float]]] = {limit: [] for limit in (0.05, 0.02, 0.01)}
    for draw in range(options.draws):
        half, _ = make_folds(clusters, fake, folds=2, seed=draw)
        known, to_come = np.flatnonzero(half == 0), np.flatnonzero(half == 1)
        fold_of, folds = make_folds(clusters[known], fake[known], folds=5, seed=draw)
        left_out = np.empty(len(known))
        for fold in range(folds):
            left_out[fold_of == fold] = scored(known[fold_of != fold], known[fold_of == fold])
        scores, genuine = scored(known, to_come), ~fake[known]
        for limit, found in rates.items():
            threshold = threshold_at_fpr(left_out[genuine], limit, units=clusters[known][genuine])
            called = scores > threshold
            alarms, rightly = called[~fake[to_come]], called[fake[to_come]]
            sure = stats.binomtest(int(alarms.sum()), len(alarms), limit, alternative="greater").pvalue < 0.05
            found.append((alarms.mean(), rightly.mean(), sure))
    print("| limit | draws | FPR on the other half, mean | lowest to highest | surely above the limit | TPR |")
    print("|---:|---:|---:|---|---:|---:|")
    for limit, found in rates.items():
        fpr, tpr, sure = np.array(found, dtype=float).T
        print(
            f"| {limit:.0%} | {len(fpr)} | {fpr.mean():.2%} | {fpr.min():.2%} to {fpr.max():.2%} "
            f"| {int(sure.sum())} | {tpr.mean():.3f} |"
        )


def main() -> None:
    """Print the three tables, or the one of real reviews."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--data")
    parser.add_argument("--fake-label")
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    if options.data:
        outside(options)
        return
    limits(options.studies)
    print()
    intervals(options.studies)
    print()
    prevalences()


if __name__ == "__main__":
    main()
