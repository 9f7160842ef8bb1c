"""What a first rung on a share of the rows saves: the same search with and without it, one trial at a time.

Same reviews, split, space, sampler and number of trials. The validation split chooses, so that the seconds are
those of the search alone; each side's test F1 is that of what it selected.

    python benchmarks/first_rung.py --data salminen.csv --families tfidf [--num-trials 12] [--share 0.1] [--seeds 42 43]
        [--rows 4000] [--output first_rung.json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import csv


def some_rows(data: str, rows: int, folder: Path) -> str:
    """A csv file of so many rows of another, drawn by a fixed seed."""
    table = csv.read_csv(data, parse_options=csv.ParseOptions(newlines_in_values=True))
    drawn = np.sort(np.random.default_rng(0).choice(len(table), rows, replace=False))
    csv.write_csv(table.take(drawn), folder / Path(data).name)
    return str(folder / Path(data).name)


def search(folder: Path, options: argparse.Namespace, data: str, *words: str) -> dict[str, dict[str, Any]]:
    """By family: seconds of the fits of a search, how many trials ended on the share, and what was selected."""
    before = set(folder.glob("studies/*"))
    command = [sys.executable, "-m", "reviewtune", "tune", "--data", data, "--results-dir", str(folder)]
    command += ["--families", ",".join(options.families), "--num-trials", str(options.num_trials), "--finalists", "0"]
    subprocess.run([*command, "--max-concurrent-trials", "1", *words], check=True)
    (study,) = set(folder.glob("studies/*")) - before
    board = json.loads((folder / "leaderboard.json").read_text())["entries"]
    found = {}
    for entry in (entry for entry in board if entry["study_id"] == study.name):
        records = [json.loads(path.read_text()) for path in study.glob(f"{entry['family']}/trials/*.json")]
        found[entry["family"]] = {
            "fit_seconds": sum(record["epochs"][-1]["fit_seconds"] for record in records if record["epochs"]),
            "on_share": sum(len(record["epochs"]) == 1 and record["status"] == "stopped" for record in records),
            "validation_f1": entry["validation"]["f1"],
            "test_f1": entry["test"]["f1"],
            "params": entry["params"],
        }
    return found


def main() -> None:
    """Print by family and seed the seconds, the trials that ended on the share, and the F1 of what was selected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, help="of the data, a csv file; all by default")
    parser.add_argument("--families", nargs="+", default=["tfidf"])
    parser.add_argument("--num-trials", type=int, default=4)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    sides: dict[str, list[str]] = {"all rows": [], "share first": ["--first-rung-rows", str(options.share)]}
    runs = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = some_rows(options.data, options.rows, folder) if options.rows else options.data
        for seed in options.seeds:
            for side, words in sides.items():
                found = search(folder / "results", options, data, "--seed", str(seed), *words)
                runs += [{"seed": seed, "side": side, "family": family, **own} for family, own in found.items()]
    for run in sorted(runs, key=lambda run: (run["family"], run["seed"])):
        print(
            f"{run['family']:7} seed {run['seed']:4} {run['side']:12} {run['fit_seconds']:8.1f} s of fits   "
            f"{run['on_share']:2} of {options.num_trials} ended on the share   "
            f"validation F1 {run['validation_f1']:.4f}   test F1 {run['test_f1']:.4f}"
        )
    if options.output:
        options.output.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
