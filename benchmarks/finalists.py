"""What it costs to choose by folds: a search, its finalists' trainings in packs, and the same ones one at a time.

    python benchmarks/finalists.py --data salminen.csv --fake-label CG --trials 32 --slots 32

A real study runs first, each of its phases timed by what it says. Then some of the finalists' trainings run one after
the other in a pack of a single slot, which is the fastest that one adapter trains here; all of them are taken to last
as long by their optimizer steps. Recordings and compilation of the single slot are left out, by a training before.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from curves import folds_of

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.room import MOST_TOKENS, make_room
from reviewtune.config import DataConfig
from reviewtune.encoders.dequantised import backbone_for_packs
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.vetting import vetted
from reviewtune.families.qlora import QloraParams
from reviewtune.tuning.inputs import prepare_inputs
from reviewtune.tuning.records import TrialRecord, TrialStore
from reviewtune.tuning.training import EVERYTHING, Fold

ALONE = 2
"""Trainings that are run one at a time, after one that nobody times."""


def main() -> None:
    """Run the study and the trainings; print the seconds of each phase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--fake-label")
    parser.add_argument("--base-model", default="minilm")
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--results-dir", type=Path, default=Path(tempfile.gettempdir()) / "finalists")
    options = parser.parse_args()
    said = run_study(options)
    start, search, finalists, end = (
        said[word] for word in ("preparing", "tuning", "finalists, 0", "assessing")
    )  # fmt: skip
    (folder,) = options.results_dir.glob("studies/*/qlora/finalists")
    records = [record for record in TrialStore(folder).read() if record.fold != EVERYTHING and record.until is None]
    alone = run_alone(records, options)
    print(f"search of {options.trials} trials: {finalists - search:.0f} s, and {search - start:.0f} s to prepare it")
    print(f"{len(records)} trainings on folds and what is shipped, in packs: {end - finalists:.0f} s, "
          f"{(end - finalists) / (finalists - search):.2f} of the search")  # fmt: skip
    print(f"the {len(records)} one at a time, by {ALONE} of them: {alone:.0f} s, {alone / (end - finalists):.1f} times")


def run_study(options: argparse.Namespace) -> dict[str, float]:
    """Run `reviewtune tune`; when it first said a line of each kind, by the words after `qlora: `."""
    words = ["tune", "--data", options.data, "--base-model", options.base_model, "--families", "qlora"]
    words += ["--num-trials", str(options.trials), "--slots", str(options.slots), "--seed", str(options.seed)]
    words += ["--results-dir", str(options.results_dir)]
    words += ["--fake-label", options.fake_label] if options.fake_label else []
    said: dict[str, float] = {}
    with subprocess.Popen([sys.executable, "-m", "reviewtune", *words], stderr=subprocess.PIPE, text=True) as process:
        for line in cast("Any", process.stderr):
            print(f"{time.strftime('%H:%M:%S')} {line}", end="", file=sys.stderr, flush=True)
            if line.startswith("qlora: "):
                said.setdefault(" ".join(line.split()[1:3]), time.monotonic())
                said.setdefault(line.split()[1], time.monotonic())
    if process.returncode:
        sys.exit(f"the study ended with exit status {process.returncode}")
    return said


def run_alone(records: list[TrialRecord], options: argparse.Namespace) -> float:
    """Seconds that all these trainings would take one after the other."""
    encoder = vetted(resolve_encoder(options.base_model), "nf4")
    inputs = prepare_inputs(
        DataConfig(
            data=options.data, fake_label=options.fake_label, seed=options.seed, results_dir=options.results_dir
        ),
        encoder,
    )
    folds = folds_of(inputs, options.seed)
    picked = sorted(records, key=lambda record: (record.fold, record.trial_id))[: 1 + ALONE]
    params = [QloraParams(**record.params) for record in picked]
    backbone = backbone_for_packs(encoder, "nf4")
    room = make_room(backbone, PackRoom(1, max(own.rank for own in params), "all-linear", MOST_TOKENS))
    on_gpu = next(backbone.parameters()).device.type == "cuda"
    pack = AdapterPack(backbone, inputs.tokens, inputs.fake, room, seed=options.seed, compiled=on_gpu)
    train(pack, params[0], folds[picked[0].fold])
    start = time.monotonic()
    steps = [train(pack, own, folds[record.fold]) for record, own in zip(picked[1:], params[1:], strict=True)]
    a_step = (time.monotonic() - start) / sum(steps)
    rows = {name: len(fold.train) for name, fold in folds.items()}
    return a_step * sum(
        record.params["epochs"] * -(-rows[record.fold] // record.params["batch_size"]) for record in records
    )


def train(pack: AdapterPack, params: QloraParams, fold: Fold) -> int:
    """Train one adapter to its end, scoring what is held out after each epoch; its optimizer steps."""
    index = pack.admit("alone", params, rows=fold.train, seed=fold.seed)
    slot = pack.slot(index)
    while not slot.is_done:
        slot.begin_leg()
        while slot.in_leg:
            pack.step()
        pack.take_loss(index)
        pack.scores([index], pack.tokens, [fold.held_out])
    pack.leave(index)
    return slot.steps


if __name__ == "__main__":
    main()
