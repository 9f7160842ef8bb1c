"""A results directory of small entries whose scores are computable by hand."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reviewtune.leaderboard.entry import Entry, entry_path, write_entry
from reviewtune.testing import made_entries
from reviewtune.testing.made_entries import made_entry as entry_of

AddEntry = Callable[..., Path]


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
    return partial(made_entries.add_entry, results_dir)


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
