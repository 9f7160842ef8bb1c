"""Which ensemble is better: weights of the entries, or of all finalists, by a logistic regression or chosen greedily?

    python benchmarks/ensembles.py --study results/studies/NAME

Of a finished study: each fold in turn judges ensembles that were fitted on what the other folds said, of the best
configuration of each family there or of all finalists. The test split stays closed. `--data`, once for each source,
where the reviews have moved.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import f1_score, log_loss

from reviewtune.config import StudyConfig
from reviewtune.data.store import content_key
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.evaluation.stacking import Stacking
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.plan import Study, resolve_study
from reviewtune.tuning.records import TrialStore

ROUNDS = 30
"""Of greedy selection, each of which adds a member, perhaps once more."""
Said = dict[str, NDArray[np.float64]]
"""(N,) calibrated log-odds by configuration, `FAMILY KEY`."""


def main() -> None:
    """Read the finalists and print what their ensembles score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, required=True, help="folder of a finished study")
    parser.add_argument("--data", nargs="+", help="the reviews, as the study was given them")
    options = parser.parse_args()
    folder = options.study.resolve()
    study = opened(folder, options.data)
    compare(read(folder, study), study.inputs.fake[study.inputs.development], study.fold_of[0])


def opened(folder: Path, data: list[str] | None) -> Study:
    """The study's reviews and folds, for which no base model is needed."""
    known = json.loads((folder / "config.json").read_text())
    config = {**known, "families": ["rules"], "transfer": [], "results_dir": folder.parents[1], "study": folder.name}
    return resolve_study(StudyConfig.model_validate({**config, **({"data": data} if data else {})}))


def read(folder: Path, study: Study) -> Said:
    """What every configuration said, after its last leg, of the rows that were held out from it; calibrated."""
    found: Said = {}
    fake = study.inputs.fake[study.inputs.development]
    for family in sorted(path.parent for path in folder.glob("*/finalists")):
        scores: dict[str, dict[str, NDArray[np.float64]]] = defaultdict(dict)
        for record in TrialStore(family / "finalists").read():
            held_out = study.folds[record.fold].held_out
            if len(held_out):
                legs = HeldOut.read(family / "models" / record.trial_id).legs
                scores[f"{family.name} {content_key(record.params)}"][record.fold] = legs[max(legs)]
        for name, by_fold in scores.items():
            said = np.full(len(fake), np.nan)
            for fold, values in by_fold.items():
                said[study.folds[fold].held_out] = values
            if np.isfinite(said).all():
                found[name] = calibrated(said, fake).calibration.log_odds(said)
    return found


def greedy(said: Said, fake: NDArray[np.bool_]) -> dict[str, float]:
    """Shares of the members that lower the log loss of the mean log-odds most, one after another.

    Caruana et al., "Ensemble selection from libraries of models", ICML 2004; with replacement, the best round counts.
    """
    total, counts = np.zeros(len(fake)), dict.fromkeys(said, 0)
    best, kept = np.inf, dict(counts)
    for size in range(1, ROUNDS + 1):
        losses = {name: log_loss(fake, expit((total + own) / size)) for name, own in said.items()}
        name = min(losses, key=lambda each: losses[each])
        total, counts[name] = total + said[name], counts[name] + 1
        if losses[name] < best:
            best, kept = losses[name], {each: count / size for each, count in counts.items() if count}
    return kept


def best_of_families(said: Said, fake: NDArray[np.bool_]) -> list[str]:
    """The configuration of each family with the lowest log loss."""
    losses = {name: float(log_loss(fake, expit(own))) for name, own in said.items()}
    families = {name.split()[0] for name in said}
    return [min((n for n in losses if n.split()[0] == family), key=lambda n: losses[n]) for family in sorted(families)]


def together(kind: str, said: Said, fake: NDArray[np.bool_], fitted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N,) log-odds of an ensemble of a kind that was fitted on some of the rows."""
    own, truth = {name: values[fitted] for name, values in said.items()}, fake[fitted]
    entries = best_of_families(own, truth)
    if kind == "the best entry alone":
        return said[min(entries, key=lambda name: log_loss(truth, expit(own[name])))]
    members = entries if kind.endswith("entries") else list(said)
    own = {name: own[name] for name in members}
    if kind.startswith("greedy"):
        return np.asarray(sum(share * said[name] for name, share in greedy(own, truth).items()))
    return Stacking.fit(own, truth).apply(said)


KINDS = (
    "logistic weights of the entries",
    "greedy choice of the entries",
    "logistic weights of the finalists",
    "greedy choice of the finalists",
    "the best entry alone",
)


def compare(said: Mapping[str, NDArray[np.float64]], fake: NDArray[np.bool_], fold_of: NDArray[np.int64]) -> None:
    """Print the mean F1 and log loss over folds of each kind, and how far it is from the first."""
    table: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for fold in np.unique(fold_of):
        fitted = fold_of != fold
        for kind in KINDS:
            values = together(kind, dict(said), fake, fitted)
            point = calibrated(values[fitted], fake[fitted])
            probability, truth = point.calibration.apply(values[~fitted]), fake[~fitted]
            scored = f1_score(truth, probability > point.threshold), log_loss(truth, probability)
            table[kind].append((float(scored[0]), float(scored[1])))
    first = np.array(table[KINDS[0]])
    print(f"| {len(said)} configurations, {len(first)} folds | F1 | above the first | log loss | above the first |")
    print("|---|---:|---:|---:|---:|")
    for kind in KINDS:
        values = np.array(table[kind])
        apart = values - first
        error = apart.std(axis=0, ddof=1) / np.sqrt(len(apart))
        f1, loss = (f"{apart[:, n].mean():+.4f} ± {error[n]:.4f}" for n in (0, 1))
        print(f"| {kind} | {values[:, 0].mean():.4f} | {f1} | {values[:, 1].mean():.4f} | {loss} |")


if __name__ == "__main__":
    main()
