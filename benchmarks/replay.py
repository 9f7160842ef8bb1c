"""Searches simulated on kept learning curves: how good is what they select, and how much of it is luck?

    python benchmarks/replay.py --curves curves.parquet --folds folds.parquet

Ten searches draw 32 of the kept configurations each, no two of them the same where there are enough. Validation, the
rule before there were finalists, takes the trial of the highest F1 on the validation split, trained on the train split;
folds take the finalist of the highest mean F1 on the rows held out from its trainings, trained on all development rows.
Both are scored on the same test split, which neither saw.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import spearmanr
from sklearn.metrics import f1_score, log_loss

from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.evaluation.selection import FoldScores, choose

SEARCHES, TRIALS, FINALISTS = 10, 32, 4
SEARCH, EVERYTHING = "search", "everything"

Rows = Sequence[dict[str, Any]]


def drawn(rows: Rows, seed: int) -> list[int]:
    """Numbers of the configurations that a search tries: the default one, and others that no other search tries."""
    numbers = sorted({row["number"] for row in rows if row["last"]} - {0})
    order = np.random.default_rng(0).permutation(numbers)
    if len(order) < SEARCHES * (TRIALS - 1):
        return [0, *map(int, np.random.default_rng(seed).permutation(order)[: TRIALS - 1])]
    return [0, *map(int, order[seed * (TRIALS - 1) : (seed + 1) * (TRIALS - 1)])]


def best_leg(rows: Rows, number: int) -> dict[str, Any]:
    """The leg of the highest F1 on validation, of equals that of the higher ROC AUC."""
    own = [row for row in rows if row["number"] == number]
    return max(own, key=lambda row: (row["f1"], row["roc_auc"], -row["epoch"]))


def ranked(rows: Rows, seed: int) -> list[int]:
    """What a search tries, the best on validation first."""
    best = {number: best_leg(rows, number) for number in drawn(rows, seed)}
    return sorted(best, key=lambda number: (best[number]["f1"], best[number]["roc_auc"]), reverse=True)


def finalists_of_searches(rows: Rows, searches: int) -> list[int]:
    """Configurations that are among the finalists of any search, and the default one."""
    return sorted({0, *(number for seed in range(searches) for number in ranked(rows, seed)[:FINALISTS])})


def fold_scores(rows: Rows, number: int) -> FoldScores:
    """(1, F, L) F1 of a configuration on what was held out from its trainings."""
    own = [row for row in rows if row["number"] == number and row["fold"] != EVERYTHING]
    legs = sorted({row["epoch"] for row in own})
    by_fold = {
        name: {row["epoch"]: row["f1"] for row in own if row["fold"] == name} for name in {r["fold"] for r in own}
    }
    f1 = [[by_fold[name][leg] for leg in legs] for name in sorted(by_fold)]
    return FoldScores([int(leg) for leg in legs], np.array([f1]))


def shipped_f1(rows: Rows, number: int, leg: int, held_out: dict[str, np.ndarray], test: np.ndarray) -> float:
    """Test F1 of a configuration trained on all development rows, by the threshold that its folds give."""
    return shipped([row for row in rows if row["number"] == number], leg, held_out, test, {EVERYTHING})[0]


def shipped(
    rows: Rows, leg: int, held_out: dict[str, np.ndarray], test: np.ndarray, names: set[str]
) -> tuple[float, float]:
    """Test F1 and log loss of the mean of some of a configuration's models, by the calibration that its folds give.

    Args:
        rows: Of its trainings on folds and on everything.
        leg: After which its training ends.
        held_out: Labels of the rows that each fold holds out.
        test: Labels of the test rows.
        names: Folds of the models.
    """
    own = [row for row in rows if row["epoch"] == leg]
    said = {row["fold"]: row["scores"] for row in own if row["fold"] != EVERYTHING}
    scores = np.concatenate([said[name] for name in sorted(said)])
    labels = np.concatenate([held_out[name] for name in sorted(said)])
    point = calibrated(scores, labels)
    probability = point.calibration.apply(np.mean([row["test_scores"] for row in own if row["fold"] in names], axis=0))
    return float(f1_score(test, probability > point.threshold)), float(log_loss(test, probability))


def compare_shipping(folds: Rows, held_out: dict[str, np.ndarray], test: np.ndarray) -> None:
    """Print what the mean of several models, and another end of the training, gain over one model."""
    numbers = sorted({row["number"] for row in folds})
    own = {number: [row for row in folds if row["number"] == number] for number in numbers}
    scores = {number: fold_scores(folds, number) for number in numbers}
    highest = {n: int(each.legs[each.values.mean(axis=(0, 1)).argmax()]) for n, each in scores.items()}
    rule = {n: int(each.leg) for n, each in scores.items()}
    last = {n: int(each.legs[-1]) for n, each in scores.items()}
    one, of_folds = {EVERYTHING}, set(held_out)
    ways = {
        "one model, trained on everything": (one, rule),
        "mean of the folds' models": (of_folds, rule),
        "mean of all of them": (one | of_folds, rule),
        "one model, to the leg of the highest mean": (one, highest),
        "one model, to its last leg": (one, last),
    }
    first = None
    for title, (names, legs) in ways.items():
        values = np.array([shipped(own[number], legs[number], held_out, test, names) for number in numbers])
        first = values if first is None else first
        gains = values[:, 0] - first[:, 0]
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        print(f"{title}: test F1 {values[:, 0].mean():.4f} ({gains.mean():+.4f} +- {error:.4f}), "
              f"log loss {values[:, 1].mean():.4f} ({len(numbers)} configurations)")  # fmt: skip


def compare(curves: Rows, folds: Rows, held_out: dict[str, np.ndarray], test: np.ndarray) -> None:
    """Print what both rules select in each search, and the correlations behind them."""
    numbers = finalists_of_searches(curves, SEARCHES)
    scores = {number: fold_scores(folds, number) for number in numbers}
    on_test = {number: shipped_f1(folds, number, scores[number].leg, held_out, test) for number in numbers}
    print("search  validation: F1, test F1, test F1 trained on all | folds: F1 +- error, test F1")
    table = []
    for seed in range(SEARCHES):
        order = ranked(curves, seed)
        first = best_leg(curves, order[0])
        finalists = list(dict.fromkeys([*order[:FINALISTS], 0]))
        costs = [scores[number].leg for number in finalists]
        taken, _ = choose([scores[number] for number in finalists], costs)
        chosen = finalists[taken]
        table.append((first["f1"], first["test_f1"], on_test[order[0]], scores[chosen].mean, on_test[chosen]))
        error = scores[chosen].standard_error
        print(f"{seed:6}  {first['f1']:.4f} {first['test_f1']:.4f} {on_test[order[0]]:.4f} | "
              f"{scores[chosen].mean:.4f} +- {error:.4f} {on_test[chosen]:.4f}")  # fmt: skip
    for name, values in zip(("F1", "test F1", "on all", "folds F1", "test F1"), np.array(table).T, strict=True):
        print(f"{name:10} mean {values.mean():.4f}, standard deviation {values.std(ddof=1):.4f}")
    best = {row["number"]: best_leg(curves, row["number"]) for row in curves if row["last"]}
    print_correlation("validation and test F1, all configurations", [(b["f1"], b["test_f1"]) for b in best.values()])
    top = sorted(best.values(), key=lambda row: -row["f1"])[: max(10, len(best) // 10)]
    print_correlation("the same, the best tenth on validation", [(b["f1"], b["test_f1"]) for b in top])
    print_correlation("folds' F1 and test F1, finalists", [(scores[n].mean, on_test[n]) for n in numbers])
    print_correlation("validation F1 and the same test F1, finalists", [(best[n]["f1"], on_test[n]) for n in numbers])


def print_correlation(name: str, pairs: list[tuple[float, float]]) -> None:
    """Print the rank correlation of pairs."""
    found = spearmanr(*zip(*pairs, strict=True))
    print(f"rank correlation, {name}: {found.statistic:.2f} ({len(pairs)})")


def main() -> None:
    """Read the files and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=Path, help="without, only what the folds' models are worth is printed")
    parser.add_argument("--folds", type=Path, required=True)
    options = parser.parse_args()
    folds = pq.read_table(options.folds)
    labels = pq.read_table(options.folds.with_name(options.folds.stem + "-labels.parquet")).to_pylist()
    held_out = {row["fold"]: np.array(row["fake"]) for row in labels}
    test, rows = held_out.pop("test"), folds.to_pylist()
    if options.curves:
        compare(pq.read_table(options.curves).to_pylist(), rows, held_out, test)
    compare_shipping(rows, held_out, test)


if __name__ == "__main__":
    main()
