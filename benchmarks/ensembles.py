"""Which ensemble is better: weights of the entries, or of all finalists, by a logistic regression or chosen greedily?

    python benchmarks/ensembles.py --data salminen.csv --fake-label CG --folds folds.parquet --cache tfidf.parquet

`folds.parquet` is of `curves.py --finalists-of`: QLoRA configurations on five folds and on everything. TF-IDF
configurations are trained here on the same folds, and kept in --cache. A study is drawn from both: so many finalists of
each family. Its ensembles are fitted on out-of-fold scores and judged by the test split, which chose nothing.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
from curves import folds_of
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import f1_score, log_loss

from reviewtune.config import DataConfig
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.evaluation.stacking import Stacking
from reviewtune.families.base import Rows, Setting
from reviewtune.families.space import resolve
from reviewtune.families.tfidf import TfidfFamily
from reviewtune.schema import TEST
from reviewtune.tuning.inputs import StudyInputs, prepare_inputs
from reviewtune.tuning.training import EVERYTHING, SEARCH

ROUNDS = 30
"""Of greedy selection, each of which adds a member, perhaps once more."""
Scores = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Calibrated log-odds by configuration: (N,) out of fold, and (M,) of the test split."""


def main() -> None:
    """Train what is missing, draw studies and print what their ensembles score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--fake-label")
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="scores of the TF-IDF configurations")
    parser.add_argument("--configurations", type=int, default=4, help="of TF-IDF, the default one first")
    parser.add_argument("--finalists", type=int, default=4, help="of each family in a study")
    parser.add_argument("--studies", type=int, default=40)
    parser.add_argument("--seed", type=int, default=2026, help="of the split and the folds, as for curves.py")
    parser.add_argument("--store", type=Path, default=Path("results"))
    options = parser.parse_args()
    config = DataConfig(data=options.data, fake_label=options.fake_label, seed=options.seed, results_dir=options.store)
    inputs = prepare_inputs(config, None)
    rows = pq.read_table(options.folds).to_pylist()
    kept = pq.read_table(options.cache).to_pylist() if options.cache.is_file() else []
    for row in train(inputs, options, {(row["number"], row["fold"]) for row in kept}):
        kept.append(row)
        pq.write_table(pa.Table.from_pylist(kept), options.cache)
    labels = labels_of(inputs, options.seed)
    scores = {"qlora": read(rows, labels), "tfidf": read(kept, labels)}
    compare(scores, labels, options)


def labels_of(inputs: StudyInputs, seed: int) -> dict[str, NDArray[np.bool_]]:
    """Of what each fold holds out, and of the test split, by name."""
    folds = folds_of(inputs, seed)
    held_out = {name: inputs.fake[fold.held_out] for name, fold in folds.items() if name not in (SEARCH, EVERYTHING)}
    return {**held_out, TEST: inputs.fake[inputs.positions[TEST]]}


def train(inputs: StudyInputs, options: argparse.Namespace, known: set[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    """TF-IDF configurations on each fold and on everything; a row a training that is not known."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    family = TfidfFamily()
    distributions, defaults = resolve(family.params, {})
    study = optuna.create_study(sampler=optuna.samplers.QMCSampler(scramble=True, seed=options.seed))
    study.enqueue_trial({name: defaults[name] for name in distributions})
    drawn = [study.ask(distributions).params for _ in range(options.configurations)]
    texts, test = inputs.reviews.table["text"].to_pylist(), inputs.positions[TEST]
    for number, params in enumerate(drawn):
        for name, fold in folds_of(inputs, options.seed).items():
            if name == SEARCH or (number, name) in known:
                continue
            own = Rows([texts[row] for row in fold.train], inputs.fake[fold.train])
            legs = family.fit(family.params.from_values({**defaults, **params}), own, Setting(fold.seed, fast=True))
            model = list(legs)[-1].model
            places = {"scores": fold.held_out, "test_scores": test}
            said = {key: model.scores([texts[row] for row in at]).tolist() for key, at in places.items() if len(at)}
            yield {"number": number, "fold": name, "epoch": 1.0, "scores": [], **said}


def read(rows: list[dict[str, Any]], labels: Mapping[str, NDArray[np.bool_]]) -> Scores:
    """Calibrated log-odds of each configuration after its last leg, the model of all development rows on test."""
    found: Scores = {}
    for number in sorted({row["number"] for row in rows}):
        own = [row for row in rows if row["number"] == number]
        last = {row["fold"]: row for row in own if row["epoch"] == max(r["epoch"] for r in own)}
        said = np.concatenate([last[name]["scores"] for name in sorted(last) if name != EVERYTHING])
        calibration = calibrated(said, truth(labels)).calibration
        found[str(number)] = calibration.log_odds(said), calibration.log_odds(np.array(last[EVERYTHING]["test_scores"]))
    return found


def truth(labels: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """(N,) labels of the development rows, fold after fold."""
    return np.concatenate([labels[name] for name in sorted(labels) if name != TEST])


def greedy(out_of_fold: Mapping[str, NDArray[np.float64]], fake: NDArray[np.bool_]) -> dict[str, float]:
    """Shares of the members that lower the log loss of the mean log-odds most, one after another.

    Caruana et al., "Ensemble selection from libraries of models", ICML 2004; with replacement, the best round counts.
    """
    total, counts = np.zeros(len(fake)), dict.fromkeys(out_of_fold, 0)
    best, kept = np.inf, dict(counts)
    for size in range(1, ROUNDS + 1):
        losses = {name: log_loss(fake, expit((total + own) / size)) for name, own in out_of_fold.items()}
        name = min(losses, key=lambda each: losses[each])
        total, counts[name] = total + out_of_fold[name], counts[name] + 1
        if losses[name] < best:
            best, kept = losses[name], {each: count / size for each, count in counts.items() if count}
    return kept


def compare(scores: Mapping[str, Scores], labels: Mapping[str, NDArray[np.bool_]], options: argparse.Namespace) -> None:
    """Draw studies; print the mean test F1 and log loss of each kind of ensemble, and its distance from the first."""
    fake, test = truth(labels), labels[TEST]
    random = np.random.default_rng(options.seed)
    table: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.studies):
        drawn = {family: list(random.permutation(sorted(own))[: options.finalists]) for family, own in scores.items()}
        everything = {f"{family} {n}": scores[family][n] for family, names in drawn.items() for n in names}
        best = {}
        for family, names in drawn.items():
            losses = {f"{family} {n}": log_loss(fake, expit(scores[family][n][0])) for n in names}
            name = min(losses, key=lambda each: losses[each])
            best[name] = everything[name]
        for kind, members in (("entries", best), ("finalists", everything)):
            said = {name: own[0] for name, own in members.items()}
            stacking = Stacking.fit(said, fake)
            on_test = stacking.apply({name: own[1] for name, own in members.items()})
            weighed = stacking.apply(said)
            table.setdefault(f"logistic weights of the {kind}", []).append(judge(weighed, fake, on_test, test))
            shares = greedy(said, fake)
            weighed, on_test = (sum(share * members[n][side] for n, share in shares.items()) for side in (0, 1))
            table.setdefault(f"greedy choice of the {kind}", []).append(judge(weighed, fake, on_test, test))
        qlora = next(own for name, own in best.items() if name.startswith("qlora"))
        table.setdefault("the best qlora alone", []).append(judge(qlora[0], fake, qlora[1], test))
    first = np.array(next(iter(table.values())))
    print(f"| {options.studies} studies | test F1 | above the first | log loss | above the first |")
    print("|---|---:|---:|---:|---:|")
    for kind, pairs in table.items():
        values = np.array(pairs)
        apart = values - first
        error = apart.std(axis=0, ddof=1) / np.sqrt(len(apart))
        f1, loss = (f"{apart[:, n].mean():+.4f} ± {error[n]:.4f}" for n in (0, 1))
        print(f"| {kind} | {values[:, 0].mean():.4f} | {f1} | {values[:, 1].mean():.4f} | {loss} |")


def judge(
    said: NDArray[np.float64], fake: NDArray[np.bool_], on_test: NDArray[np.float64], test: NDArray[np.bool_]
) -> tuple[float, float]:
    """Test F1 and log loss, calibrated by what was said out of fold."""
    point = calibrated(said, fake)
    probability = point.calibration.apply(on_test)
    return float(f1_score(test, probability > point.threshold)), float(log_loss(test, probability))


if __name__ == "__main__":
    main()
