"""Entries of studies that never ran, with what lies beside them: for trying what reads results.

Shape letter: `N` test reviews.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.significance import f1_interval
from reviewtune.files import in_one_step
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
from reviewtune.leaderboard.ties import PREDICTED
from reviewtune.schema import CLUSTER, FAKE, FAKE_PROBABILITY, ID

Confusion = tuple[int, int, int, int]
"""Fakes that are found and that are missed, genuine reviews that are called fake and that are left alone."""
SURE = 0.9
"""Fake probability of what is called fake; of the rest, what is left of 1."""
COST = Cost(fit_seconds=1.5, study_seconds=60, device="cpu", peak_memory_bytes=2**30, reviews_per_second=1234.5)
TRIALS = (
    TrialSummary(trial_id="0", status="finished", f1=0.8, fit_seconds=1),
    TrialSummary(trial_id="1", status="failed", f1=None, fit_seconds=1),
    TrialSummary(trial_id="2", status="stopped", f1=0.9, fit_seconds=1),
)


def labels(confusion: Confusion) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(N,) what the reviews are, true where fake, and (N,) what they are called.

    Examples:
        >>> fake, called = labels((1, 1, 0, 2))
        >>> fake.tolist(), called.tolist()
        ([True, True, False, False], [True, False, False, False])
    """
    fake = np.repeat([True, True, False, False], confusion)
    called = np.repeat([True, False, True, False], confusion)
    return fake, called


def made_entry(
    family: str,
    confusion: Confusion = (9, 1, 1, 9),
    *,
    study: str = "s1",
    split: str = "a" * 64,
    data: str = "reviews.csv",
    created: str = "2026-01-01T00:00:00+00:00",
    **changes: Any,
) -> Entry:
    """A finished entry whose test scores are those of a confusion.

    Its validation F1 is its test F1, so that a board's order can be read from the confusions.

    Args:
        family: Its family's name.
        confusion: On the test split.
        study: Its study's name.
        split: SHA-256 of what its study was split into: entries of one are compared.
        data: The source of its reviews.
        created: ISO 8601.
        **changes: Other fields of the entry.

    Examples:
        >>> entry = made_entry("svm", (80, 20, 20, 80), encoder="minilm")
        >>> entry.name, entry.encoder, round(entry.test.f1, 2)
        ('s1-svm', 'minilm', 0.8)
    """
    fake, called = labels(confusion)
    interval = f1_interval(fake, called)
    scores: dict[str, Any] = classification_scores(fake, np.where(called, SURE, 1 - SURE), called)
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
        "cost": COST,
        "artifact": f"artifacts/{study}-{family}",
        "trials": list(TRIALS),
        "provenance": Provenance(
            data=data,
            data_sha256="d" * 64,
            split_sha256=split,
            code="reviewtune 0.1.0",
            versions={"ray": "2.60.0"},
            seed=1,
            hardware="2 CPU cores",
            created=created,
        ),
    }
    return Entry(**(fields | changes))


def add_entry(
    results_dir: Path, family: str, confusion: Confusion = (9, 1, 1, 9), *, unit: int = 1, **changes: Any
) -> Path:
    """Write an entry into a results directory, with what it says of each test review; returns the entry's path.

    The reviews are called `r0000` and so on, and stand in no order.

    Args:
        results_dir: Where the entry goes.
        family: As for `made_entry`.
        confusion: As for `made_entry`.
        unit: How many reviews, one after the other, are related.
        **changes: As for `made_entry`.

    Examples:
        >>> add_entry(Path("results"), "svm").as_posix()
        'results/studies/s1/svm/entry.json'
    """
    entry = made_entry(family, confusion, **changes)
    path = entry_path(results_dir, entry.study_id, family)
    write_entry(entry, path)
    fake, called = labels(confusion)
    rows = pd.DataFrame(
        {
            ID: [f"r{number:04}" for number in range(len(fake))],
            FAKE: fake,
            FAKE_PROBABILITY: np.where(called, SURE, 1 - SURE),
            PREDICTED: called,
            CLUSTER: np.arange(len(fake)) // unit,
        }
    )
    with in_one_step(path.with_name(PREDICTIONS_FILE)) as partial:
        rows.sample(frac=1, random_state=len(family)).to_parquet(partial)
    return path


def made_results(results_dir: Path, confusions: Mapping[str, Confusion]) -> Path:
    """A results directory with an entry of each family, of one split; returns that directory.

    Args:
        results_dir: It is made where it is not there.
        confusions: By family, on the test split.

    Examples:
        >>> results = made_results(Path("results"), {"svm": (9, 1, 1, 9), "rules": (6, 4, 4, 6)})
        >>> sorted(path.parent.name for path in results.glob("studies/*/*/entry.json"))
        ['rules', 'svm']
    """
    for family, confusion in confusions.items():
        add_entry(results_dir, family, confusion)
    return results_dir
