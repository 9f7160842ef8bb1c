"""Learning curves of QLoRA configurations, all in packs on one device: what `replay.py` simulates searches on.

    python benchmarks/curves.py --data salminen.csv --fake-label CG --trials 128 --output curves.parquet
    python benchmarks/curves.py --data salminen.csv --fake-label CG --finalists-of curves.parquet --output folds.parquet

The first trains configurations drawn over the default space (scrambled Sobol; the default one first) on the train
split. A row a leg: what the validation split says, and the test split by the threshold of validation. The second trains
those that ten simulated searches would make finalists on five folds of the development rows, and once on all of these.
What is there already (a copy of `results/minilm_curves.parquet`, say) is not trained again; after --minutes the rest is
left for the next run.
"""

import argparse
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from replay import SEARCHES, finalists_of_searches
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.room import MOST_TOKENS, make_room
from reviewtune.config import DataConfig
from reviewtune.data.folds import make_folds
from reviewtune.encoders.dequantised import backbone_for_packs
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.vetting import vetted
from reviewtune.evaluation.metrics import validation_scores
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.families.qlora import QloraParams
from reviewtune.families.space import resolve
from reviewtune.files import in_one_step
from reviewtune.schema import TEST
from reviewtune.tuning.inputs import StudyInputs, prepare_inputs
from reviewtune.tuning.training import SEARCH, Fold, all_folds, search_fold

FOLDS = 5
SAVE_SECONDS = 30
SEARCHED = ("rank", "alpha", "learning_rate", "dropout", "target", "batch_size", "epochs")


@dataclass(frozen=True)
class Job:
    """A training: number of its configuration, the configuration, and its fold's name."""

    number: int
    params: QloraParams
    fold: str

    @property
    def key(self) -> tuple[int, str]:
        """Names its rows in the file."""
        return self.number, self.fold


def main() -> None:
    """Train what is missing; write after every half minute and at the end."""
    options = parse()
    encoder = vetted(resolve_encoder(options.base_model), options.quantisation)
    inputs = prepare_inputs(
        DataConfig(data=options.data, fake_label=options.fake_label, seed=options.seed, results_dir=options.store),
        encoder,
    )
    configurations = draw(options.trials, options.seed)
    if options.epochs:
        configurations = {n: own.model_copy(update={"epochs": options.epochs}) for n, own in configurations.items()}
    there = pq.read_table(options.output).to_pylist() if options.output.is_file() else []
    rows = [{"fold": SEARCH, **row} for row in there]
    done = {(row["number"], row["fold"]) for row in rows if row["last"]}
    if options.finalists_of:
        wanted = finalists_of_searches(pq.read_table(options.finalists_of).to_pylist(), SEARCHES)
        kept = json.loads(options.finalists_of.with_suffix(".json").read_text())
        configurations = {number: QloraParams(**kept[str(number)]) for number in wanted}
    folds = folds_of(inputs, options.seed)
    names = [name for name in folds if name != SEARCH] if options.finalists_of else [SEARCH]
    jobs = [Job(number, params, name) for number, params in configurations.items() for name in names]
    jobs = [job for job in jobs if job.key not in done]
    options.output.with_suffix(".json").write_text(
        json.dumps({number: params.model_dump() for number, params in configurations.items()}) + "\n"
    )
    save_labels(inputs, folds, options.output)
    print(f"{len(jobs)} trainings of {len(configurations)} configurations", flush=True)
    saved = time.monotonic()
    for row in train(jobs, inputs, folds, encoder, options):
        rows.append(row)
        if time.monotonic() - saved > SAVE_SECONDS:
            save(rows, options.output)
            saved = time.monotonic()
    save(rows, options.output)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--fake-label")
    parser.add_argument("--base-model", default="minilm")
    parser.add_argument("--quantisation", default="nf4")
    parser.add_argument("--trials", type=int, default=128, help="configurations; a power of two keeps Sobol balanced")
    parser.add_argument("--seed", type=int, default=2026, help="of the split, the folds, the draw and the trainings")
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--epochs", type=int, help="for all, in place of the space's")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--finalists-of", type=Path, help="curves whose finalists train on folds")
    parser.add_argument("--store", type=Path, default=Path("results"), help="results directory for reviews and tokens")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def draw(count: int, seed: int) -> dict[int, QloraParams]:
    """The default configuration, then a scrambled Sobol sequence over the default space."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions, defaults = resolve(QloraParams, {})
    study = optuna.create_study(sampler=optuna.samplers.QMCSampler(scramble=True, seed=seed))
    study.enqueue_trial({name: defaults[name] for name in distributions})
    drawn = [study.ask(distributions).params for _ in range(count)]
    return {number: QloraParams.from_values({**defaults, **params}) for number, params in enumerate(drawn)}


def folds_of(inputs: StudyInputs, seed: int) -> dict[str, Fold]:
    """Those of a study, in row positions of all reviews instead of the development rows."""
    development, fake = inputs.development, inputs.fake[inputs.development]
    fold_of, folds = make_folds(inputs.units_at(development), fake, folds=FOLDS, seed=seed)
    train = len(inputs.positions["train"])
    named = all_folds(fold_of, folds, seeds=1, search=search_fold(train, len(development) - train, seed))
    return {name: Fold(development[fold.train], development[fold.held_out], fold.seed) for name, fold in named.items()}


def train(
    jobs: list[Job], inputs: StudyInputs, folds: dict[str, Fold], encoder: Any, options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Train jobs, a free slot taking the next, the longest first; a row a leg."""
    backbone = backbone_for_packs(encoder, cast("Any", options.quantisation))
    rank = max((job.params.rank for job in jobs), default=1)
    room = make_room(backbone, PackRoom(min(options.slots, len(jobs) or 1), rank, "all-linear", MOST_TOKENS))
    on_gpu = next(backbone.parameters()).device.type == "cuda"
    pack = AdapterPack(backbone, inputs.tokens, inputs.fake, room, seed=options.seed, compiled=on_gpu)
    test, start = inputs.positions[TEST], time.monotonic()
    end = start + 60 * options.minutes
    waiting = deque(sorted(jobs, key=lambda job: -job.params.epochs * (1 / job.params.batch_size + 0.02)))
    running: dict[int, Job] = {}
    trained = 0
    while (waiting or running) and time.monotonic() < end:
        while waiting and pack.free:
            job = waiting.popleft()
            fold = folds[job.fold]
            index = pack.admit(str(job.key), job.params, rows=fold.train, seed=fold.seed)
            running[index] = job
            pack.slot(index).begin_leg()
        ended = pack.step()
        if not ended:
            continue
        judges = [np.concatenate([folds[running[index].fold].held_out, test]) for index in ended]
        losses = [pack.take_loss(index) for index in ended]
        for index, loss, scores in zip(ended, losses, pack.scores(ended, inputs.tokens, judges), strict=True):
            job, slot = running[index], pack.slot(index)
            trained += slot.take_tokens()
            row: dict[str, Any] = {
                **{name: getattr(job.params, name) for name in SEARCHED},
                "number": job.number, "fold": job.fold, "epoch": slot.epoch, "last": slot.is_done, "loss": loss,
                "seconds": time.monotonic() - start, **measured(scores, folds[job.fold].held_out, test, inputs.fake),
            }  # fmt: skip
            if job.fold != SEARCH:
                own = len(folds[job.fold].held_out)
                row |= {"scores": _listed(scores[:own]), "test_scores": _listed(scores[own:])}
            yield row
            if slot.is_done:
                pack.leave(index)
                del running[index]
            else:
                slot.begin_leg()
    seconds = time.monotonic() - start
    left = len(waiting) + len(running)
    print(
        f"{trained:,} tokens in {seconds:.0f} s, {trained / seconds:,.0f} a second; {left} trainings left", flush=True
    )


def measured(
    scores: NDArray[np.float64], held_out: NDArray[np.int64], test: NDArray[np.int64], fake: NDArray[np.bool_]
) -> dict[str, Any]:
    """What scores of held-out and of test rows are worth; the test rows by the held-out ones' threshold.

    Where nothing is held out there is no threshold yet.
    """
    own, unseen = scores[: len(held_out)], scores[len(held_out) :]
    auc = float(roc_auc_score(fake[test], unseen))
    if not len(held_out):
        return {"test_roc_auc": auc}
    point = calibrated(own, fake[held_out])
    probability = point.calibration.apply(unseen)
    return {
        **validation_scores(fake[held_out], own),
        "log_loss": float(log_loss(fake[held_out], point.calibration.apply(own))),
        "test_f1": float(f1_score(fake[test], probability > point.threshold)),
        "test_roc_auc": auc,
        "test_log_loss": float(log_loss(fake[test], probability)),
    }


def _listed(scores: NDArray[np.float64]) -> list[float]:
    listed: list[float] = scores.astype(np.float32).tolist()
    return listed


def save_labels(inputs: StudyInputs, folds: dict[str, Fold], output: Path) -> None:
    """Write the labels of what each fold holds out, and of the test split, beside the scores."""
    rows = {name: fold.held_out for name, fold in folds.items() if len(fold.held_out)} | {
        "test": inputs.positions[TEST]
    }
    table = [{"fold": name, "fake": inputs.fake[positions].tolist()} for name, positions in rows.items()]
    save(table, output.with_name(output.stem + "-labels.parquet"))


def save(rows: list[dict[str, Any]], path: Path) -> None:
    """Write all rows, in one step."""
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    with in_one_step(path) as partial:
        pq.write_table(table, partial, compression="zstd")


if __name__ == "__main__":
    main()
