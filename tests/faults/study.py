"""The small study that faults are tried on, one for each executor, and the program that runs it."""

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.said import PHASE

ROOT = Path(__file__).resolve().parents[2]
NUM_REVIEWS = 300

STUDIES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "inline": ("mlp", 6, {"mlp": {"epochs": 40}}),
    "packed": ("qlora", 4, {"qlora": {"epochs": 8, "batch_size": 16}}),
    "ddp": ("qlora", 2, {"qlora": {"epochs": 6, "batch_size": 16}}),
    "short": ("tfidf", 3, {}),
}
"""Executor: family, trials, search space. Two workers of one slot train the packed trials, so that two have to wait;
`short` is inline too, and needs no base model."""

FLAGS = {"inline": [], "short": [], "packed": ["--slots", "1"], "ddp": ["--executor", "ddp"]}

ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "CUDA_VISIBLE_DEVICES": "",
    "RAY_OVERRIDE_RESOURCES": '{"CPU": 2}',
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "250",
    "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
}
"""Each study has a Ray of two CPUs, whatever the machine has, so that many fit beside one another."""


def make_inputs(folder: Path) -> None:
    """Write `reviews.csv` and `base`, a base model of two thin layers with MiniLM's tokenizer: quick, of no use."""
    if (folder / "base" / "vocab.txt").is_file():
        return
    import torch
    from transformers import BertConfig, BertModel
    from transformers.utils import logging

    from reviewtune.data.sample import generate
    from reviewtune.encoders.registry import resolve_encoder

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "reviews.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["review", "label"])
        writer.writeheader()
        rows = generate(NUM_REVIEWS, seed=7).to_pylist()
        writer.writerows({"review": row["text"], "label": row["label"]} for row in rows)
    minilm = Path(resolve_encoder("minilm").source)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    vocabulary = json.loads((minilm / "config.json").read_text())["vocab_size"]
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder / "base")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(minilm / name, folder / "base")


def tune_words(executor: str, inputs: Path, results: Path) -> list[str]:
    """The command line, after `reviewtune`, of an executor's study."""
    family, trials, space = STUDIES[executor]
    words = ["tune", "--data", str(inputs / "reviews.csv"), "--base-model", str(inputs / "base")]
    words += ["--results-dir", str(results), "--families", family, "--num-trials", str(trials)]
    return [*words, "--space", json.dumps(space), *FLAGS[executor], "--finalists", "0", "--figures", "0"]


@dataclass
class Program:
    """A running `reviewtune WORDS...`.

    Args:
        words: After `reviewtune`.
        environment: What it has besides, or otherwise.
    """

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[str]" = field(init=False)
    started: float = field(init=False)
    lines: list[tuple[float, str]] = field(default_factory=list, init=False)
    """What it has said on standard error, each line with the seconds since its start."""
    warnings: list[str] = field(default_factory=list, init=False)
    """What its board on standard output warns of."""
    _readers: list[threading.Thread] = field(init=False)

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reviewtune", *self.words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, **self.environment},
        )
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_board)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append((self.seconds, line.rstrip()))

    def _read_board(self) -> None:
        assert self.process.stdout
        self.warnings.extend(line.rstrip() for line in self.process.stdout if line.startswith("warning: "))

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self.started

    @property
    def phase(self) -> str:
        """What it said last that it was doing: `starting`, `preparing`, `tuning`, `assessing` or `done`."""
        phases = [match[1] for _, line in list(self.lines) if (match := PHASE.match(line))]
        return phases[-1] if phases else "starting"

    @property
    def tuning(self) -> float | None:
        """Seconds since it first said that it was tuning, or assessing where all trials had ended; None before."""
        begun = ("tuning", "assessing")
        said = [at for at, line in list(self.lines) if (match := PHASE.match(line)) and match[1] in begun]
        return self.seconds - said[0] if said else None

    def wait(self, seconds: float) -> int | None:
        """Its exit status; None where it has not ended so many seconds from now."""
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        # What it has started may hold the other end open for longer than a reader wants to wait.
        for reader in self._readers:
            reader.join(timeout=2)
        return status

    def said(self, since: float = 0.0) -> list[str]:
        """Lines of standard error from so many seconds after the start on."""
        return [line for at, line in list(self.lines) if at >= since]
