"""Whole studies in this process, on a base model of no use, by one Ray."""

import csv
import json
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from reviewtune.config import StudyConfig
from reviewtune.data.sample import generate
from reviewtune.tuning.study import tune

FAMILIES = ("tfidf", "qlora")
EPOCHS = 2
SPACE = {"qlora": {"epochs": EPOCHS, "batch_size": 16, "rank": [2, 4], "learning_rate": [1e-3, 3e-3]}}


@dataclass(frozen=True)
class Told:
    """A study that has ended, and what was said meanwhile."""

    config: StudyConfig
    lines: list[str]

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """Of leaderboard.json, by family."""
        board = json.loads((self.config.results_dir / "leaderboard.json").read_text())
        return {entry["family"]: entry for entry in board["entries"]}

    def records(self, family: str) -> list[dict[str, Any]]:
        """A family's trials, in the order in which they ended."""
        paths = self.config.results_dir.glob(f"studies/*/{family}/trials/*.json")
        return sorted((json.loads(path.read_text()) for path in paths), key=lambda record: record["number"])

    def said(self, pattern: str) -> list[str]:
        """The lines that a pattern matches from their start."""
        return [line for line in self.lines if re.match(pattern, line)]


def run(config: StudyConfig) -> Told:
    output = StringIO()
    tune(config, Console(file=output, width=200))
    return Told(config, output.getvalue().splitlines())


def small_config(folder: Path, base: Path, **changes: Any) -> StudyConfig:
    """A text family and QLoRA in packs of one slot, on reviews that are written into a folder."""
    with (folder / "reviews.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows({"text": row["text"], "label": row["label"]} for row in generate(200, seed=7).to_pylist())
    settings: dict[str, Any] = {
        "finalists": 0,
        "data": str(folder / "reviews.csv"),
        "results_dir": folder / "results",
        "families": list(FAMILIES),
        "base_model": str(base),
        "slots": 1,
        "keep_trials": 1,
        "validation_size": 0.2,
        "space": SPACE,
    }
    return StudyConfig(**{**settings, **changes})
