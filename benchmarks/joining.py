"""A machine that joins while a study runs: trained reviews a second before and after.

Two Ray nodes on this host, each with one GPU, or with one CPU where there is no GPU. The second is started when the
study has trained for a while; nothing is told to the study.

    python benchmarks/joining.py --data salminen.csv [--slots 16] [--window 60] [--output joining.json]
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO

import torch

from reviewtune.quiet import be_quiet

RAY = str(Path(sys.executable).with_name("ray"))
ROWS = re.compile(r"\s*train: ([\d,]+) rows")
JOINED = re.compile(r"qlora: 2 packs train now")
EPOCHS = 500
"""More than any window lasts."""
END_SECONDS = 60


class Study:
    """A search that is watched from outside, by the states that its trials keep."""

    def __init__(self, options: argparse.Namespace, address: str, results: Path, gpus: int) -> None:
        space = {"qlora": {"epochs": EPOCHS, "target": "attention", "rank": 16, "learning_rate": [1e-4, 2e-4, 3e-4]}}
        words = ["tune", "--data", options.data, "--base-model", options.base_model, "--results-dir", str(results)]
        words += ["--families", "qlora", "--num-trials", str(2 * options.slots), "--slots", str(options.slots)]
        words += ["--space", json.dumps(space), "--evaluations-per-epoch", str(options.evaluations)]
        words += ["--gpus-per-trial", str(gpus), "--finalists", "0", "--figures", "0", "--address", address]
        self.results, self.rows, self.joined = results, 0, threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reviewtune", *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert self.process.stderr
        threading.Thread(target=self._read, args=[self.process.stderr], daemon=True).start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            if match := ROWS.match(line):
                self.rows = int(match[1].replace(",", ""))
            if JOINED.match(line):
                self.joined.set()
            print(line, end="", file=sys.stderr)

    @property
    def trained(self) -> float:
        """Reviews, by the epochs that all trials have kept."""
        epochs = 0.0
        for path in self.results.glob("studies/*/qlora/models/*/last/trial.json"):
            try:
                epochs += json.loads(path.read_text()).get("epoch", 0)
            except FileNotFoundError:
                continue
        return epochs * self.rows

    def rate(self, seconds: float) -> float:
        """Trained reviews a second over the next so many."""
        begun, before = time.monotonic(), self.trained
        self.wait(lambda: time.monotonic() >= begun + seconds)
        return (self.trained - before) / (time.monotonic() - begun)

    def wait(self, until: object, limit: float = 900) -> None:
        """Until something holds."""
        assert callable(until)
        end = time.monotonic() + limit
        while not until():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the study ended, or did not get so far in time: see above")
            time.sleep(0.2)

    def end(self) -> None:
        """Interrupt it; its processes end with it."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()


@contextmanager
def node(*words: str, card: int | None) -> Iterator[None]:
    """A Ray node as long as the block lasts, with one card of this host, or with a CPU."""
    of = ["--num-gpus", "0", "--num-cpus", "1"] if card is None else ["--num-gpus", "1", "--num-cpus", "4"]
    environment = {**os.environ, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
    if card is not None:
        environment["CUDA_VISIBLE_DEVICES"] = str(card)
    process = subprocess.Popen([RAY, "start", "--block", *of, *words], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def free_port() -> int:
    """One that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    """Print both rates, their ratio, and how long it took from the start of the second node to its first trials."""
    options = _options()
    be_quiet()
    subprocess.run([RAY, "get-auth-token", "--generate"], check=True, stdout=subprocess.DEVNULL)
    has_gpus = torch.cuda.device_count() > 1
    device = torch.cuda.get_device_name() if has_gpus else "CPU"
    port, dashboard = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        head = ["--head", "--node-ip-address", "127.0.0.1", "--port", str(port)]
        head += ["--dashboard-port", str(dashboard), "--temp-dir", f"{folder}/ray"]
        with node(*head, card=0 if has_gpus else None):
            time.sleep(options.start)
            study = Study(options, address, Path(folder) / "results", int(has_gpus))
            try:
                # What is compiled first counts in no rate.
                study.wait(lambda: study.trained >= 2 * options.slots * study.rows / options.evaluations > 0)
                before = study.rate(options.window)
                begun = time.monotonic()
                with node("--address", address, card=1 if has_gpus else None):
                    study.wait(study.joined.is_set)
                    joined = time.monotonic() - begun
                    study.rate(options.settle)
                    after = study.rate(options.window)
            finally:
                study.end()
    print(
        f"{device}: {before:,.0f} reviews/s with one pack of {options.slots} slots, {after:,.0f} with the second, "
        f"{after / before:.2f} times; it worked {joined:.0f} s after its node was started"
    )
    if options.output:
        found = {"device": device, "before": before, "after": after, "ratio": after / before, "joined_seconds": joined}
        found |= {"slots": options.slots, "ray": version("ray"), "torch": version("torch")}
        options.output.write_text(json.dumps(found, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--base-model", default="minilm")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--evaluations", type=int, default=4, help="an epoch; each tells how far a trial is")
    parser.add_argument("--window", type=float, default=60, help="seconds of either rate")
    parser.add_argument("--settle", type=float, default=60, help="seconds that the second pack gets to compile")
    parser.add_argument("--start", type=float, default=15, help="seconds that the head gets to start")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
