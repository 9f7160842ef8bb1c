"""A whole search of MiniLM's adapters: in packs, and one trial at a time by Ray Tune and Ray Train.

Same reviews, same split, same space and sampler, one machine. The slow side may run fewer trials; its wall time is then
scaled to as many as the fast side ran, and that is said.

    python benchmarks/search.py --data salminen.csv [--num-trials 32] [--one-at-a-time 6] [--output search.json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SPACE = {
    "qlora": {
        "learning_rate": {"low": 1e-4, "high": 5e-3, "log": True},
        "epochs": {"low": 3, "high": 8},
        "batch_size": [16, 32],
    }
}


def search(folder: Path, data: str, base_model: str, num_trials: int, *words: str) -> dict[str, Any]:
    """Seconds of a study and its entry on the board."""
    command = [sys.executable, "-m", "reviewtune", "tune", "--data", data, "--results-dir", str(folder)]
    command += ["--families", "qlora", "--base-model", base_model, "--num-trials", str(num_trials)]
    start = time.perf_counter()
    subprocess.run([*command, "--space", json.dumps(SPACE), *words], check=True)
    seconds = time.perf_counter() - start
    (entry,) = json.loads((folder / "leaderboard.json").read_text())["entries"]
    return {"seconds": seconds, "num_trials": num_trials, "entry": entry}


def main() -> None:
    """Print wall time, best validation F1 and test F1 of both, and the ratio of the wall times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--base-model", default="minilm")
    parser.add_argument("--num-trials", type=int, default=4)
    parser.add_argument("--one-at-a-time", type=int, default=2, help="trials of the slow side")
    parser.add_argument("--slots", type=int)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    slots = ["--slots", str(options.slots)] if options.slots else []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        packed = search(folder / "packed", options.data, options.base_model, options.num_trials, *slots)
        alone = search(
            folder / "alone", options.data, options.base_model, options.one_at_a_time,
            "--executor", "ddp", "--max-concurrent-trials", "1",
        )  # fmt: skip
    scaled = alone["seconds"] * options.num_trials / options.one_at_a_time
    for name, side in (("in packs", packed), ("one at a time", alone)):
        entry = side["entry"]
        print(
            f"{name:14} {side['num_trials']:3} trials {side['seconds']:8.0f} s   validation F1 "
            f"{entry['validation']['f1']:.4f}   test F1 {entry['test']['f1']:.4f} "
            f"({entry['test']['f1_low']:.4f} to {entry['test']['f1_high']:.4f})   {entry['cost']['device']}"
        )
    print(
        f"{options.num_trials} trials one at a time would take {scaled:.0f} s (scaled from {options.one_at_a_time}): "
        f"packs are {scaled / packed['seconds']:.1f} times as fast"
    )
    if options.output:
        options.output.write_text(json.dumps({"packed": packed, "alone": alone, "scaled": scaled}, indent=1) + "\n")


if __name__ == "__main__":
    main()
