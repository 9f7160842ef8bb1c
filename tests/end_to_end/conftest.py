"""Real programs on real files: a small study that several tests look at."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from transformers import BertConfig, BertModel

from reviewtune.data.sample import generate
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.tuning.session import ray_session

ROOT = Path(__file__).resolve().parents[2]
NUM_REVIEWS = 200


@dataclass(frozen=True)
class Finished:
    """A program that has ended."""

    code: int
    out: str
    err: str


Program = Callable[..., Finished]


@pytest.fixture(scope="session")
def reviewtune() -> Program:
    """Run `reviewtune WORDS...` in a process of its own."""

    def run(*words: object, stdin: str | None = None, timeout: float = 400, **environment: str) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "reviewtune", *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "120", **environment},
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few hundred labelled reviews in the way people keep them."""
    path = tmp_path_factory.mktemp("reviews") / "my reviews.csv"
    table = generate(NUM_REVIEWS, seed=7).to_pylist()
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["review", "label", "stars"])
        writer.writeheader()
        writer.writerows({"review": row["text"], "label": row["label"], "stars": row["rating"]} for row in table)
    return path


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model of two thin layers in the hub's layout, with MiniLM's tokenizer: quick to train, of no use."""
    folder = tmp_path_factory.mktemp("base")
    minilm = Path(resolve_encoder("minilm").source)
    vocabulary = json.loads((minilm / "config.json").read_text())["vocab_size"]
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(minilm / name, folder)
    return folder


@dataclass(frozen=True)
class StudyRun:
    """A finished study of the `reviewtune` program."""

    results: Path
    words: list[str]
    program: Finished

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The entries of leaderboard.json, by family."""
        board = json.loads((self.results / "leaderboard.json").read_text())
        return {entry["family"]: entry for entry in board["entries"]}


@pytest.fixture(scope="session")
def study(
    reviewtune: Program, reviews_csv: Path, small_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> StudyRun:
    """`reviewtune tune` over text, a head and QLoRA, two trials each, their ensemble, and an MLP that fails."""
    results = tmp_path_factory.mktemp("results")
    words = ["tune", "--data", str(reviews_csv), "--results-dir", str(results), "--base-model", str(small_base)]
    words += ["--families", "tfidf,mlp,logreg,qlora,ensemble", "--num-trials", "2", "--validation-size", "0.2"]
    words += ["--finalists", "1", "--folds", "2"]
    words += ["--space", '{"qlora": {"epochs": 2, "batch_size": 16}, "mlp": {"epochs": 3, "learning_rate": 1e38}}']
    return StudyRun(results, words, reviewtune(*words))


@pytest.fixture(scope="module")
def one_ray() -> Iterator[None]:
    """One Ray for all studies in this process, as a program starts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 2}')
        with ray_session(None, Console(file=StringIO())):
            yield
