"""A results directory of small entries whose scores are computable by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.significance import f1_interval
from reviewtune.leaderboard.entry import (
    PREDICTIONS_FILE,
    Cost,
    Entry,
    Provenance,
    TrialSummary,
    entry_path,
    write_entry,
)
from reviewtune.leaderboard.scores import TestScores, ValidationScores

AddEntry = Callable[..., Path]


def labels(hits: int, misses: int, false_alarms: int, rest: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) fake and predicted with the given confusion."""
    fake = np.repeat([True, True, False, False], [hits, misses, false_alarms, rest])
    predicted = np.repeat([True, False, True, False], [hits, misses, false_alarms, rest])
    return fake, predicted


def entry_of(
    family: str, confusion=(9, 1, 1, 9), *, study="s1", split="a" * 64, data="reviews.csv", **changes
) -> Entry:
    """A finished entry whose scores are those of a confusion of hits, misses, false alarms and the rest.

    Its validation F1 is its test F1, so that a board's order can be read from the confusions.
    """
    fake, predicted = labels(*confusion)
    interval = f1_interval(fake, predicted)
    scores = classification_scores(fake, np.where(predicted, 0.9, 0.1), predicted)
    fields = {
        "study_id": study,
        "family": family,
        "encoder": "owner/base-model",
        "status": "finished",
        "params": {"C": 1.5, "kernel": "rbf"},
        "num_trials": 3,
        "validation": ValidationScores(f1=scores["f1"], accuracy=0.9, roc_auc=0.95),
        "default_validation_f1": 0.8,
        "test": TestScores(**scores, f1_low=interval.low, f1_high=interval.high, num_units=len(fake)),
        "cost": Cost(
            fit_seconds=1.5, study_seconds=60, device="cpu", peak_memory_bytes=2**30, reviews_per_second=1234.5
        ),
        "artifact": f"artifacts/{study}-{family}",
        "trials": [
            TrialSummary(trial_id="0", status="finished", f1=0.8, fit_seconds=1),
            TrialSummary(trial_id="1", status="failed", f1=None, fit_seconds=1),
            TrialSummary(trial_id="2", status="stopped", f1=0.9, fit_seconds=1),
        ],
        "provenance": Provenance(
            data=data,
            data_sha256="d" * 64,
            split_sha256=split,
            code="reviewtune 0.1.0",
            versions={"ray": "2.60.0"},
            seed=1,
            hardware="2 CPU cores",
            created=changes.pop("created", "2026-01-01T00:00:00+00:00"),
        ),
    }
    return Entry(**(fields | changes))


def failed_entry(family: str, error: str = "every trial ran out of memory", **changes) -> Entry:
    nothing = {"validation": None, "default_validation_f1": None, "test": None, "cost": None, "artifact": None}
    return entry_of(
        family, status="failed", error=error, params={}, num_failed_trials=3, trials=[], **nothing, **changes
    )


@pytest.fixture
def results_dir(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def add_entry(results_dir: Path) -> AddEntry:
    """Stores an entry, with predictions of the given confusion, in units of so many, and returns the entry's path."""
    results_dir.mkdir()

    def add(family: str, confusion=(9, 1, 1, 9), unit: int = 1, **changes) -> Path:
        entry = entry_of(family, confusion, **changes)
        path = entry_path(results_dir, entry.study_id, family)
        write_entry(entry, path)
        fake, predicted = labels(*confusion)
        ids = [f"r{number:04}" for number in range(len(fake))]
        said = {"fake_probability": np.where(predicted, 0.9, 0.1), "predicted": predicted}
        columns = {"id": ids, "fake": fake, **said, "cluster": np.arange(len(fake)) // unit}
        # Any order must do: rows are joined on their ids.
        pd.DataFrame(columns).sample(frac=1, random_state=len(family)).to_parquet(path.with_name(PREDICTIONS_FILE))
        return path

    return add


@pytest.fixture
def add_failed(results_dir: Path) -> AddEntry:
    def add(family: str, **changes) -> Path:
        entry = failed_entry(family, **changes)
        path = entry_path(results_dir, entry.study_id, family)
        write_entry(entry, path)
        return path

    return add


@pytest.fixture
def entries() -> Callable[..., Entry]:
    return entry_of
