"""A full or read-only disk, and a results directory that goes away, under a small study; `disk.py` tries more."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reviewtune.cli import main
from tests.faults.conftest import LIMIT_SECONDS
from tests.faults.disk import FAULTS, attempt, break_disk, mounted, why_not
from tests.faults.said import extraordinary, is_plain
from tests.faults.study import tune_words


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    if reason := why_not(tmp_path / "tried"):
        pytest.skip(reason)
    with mounted(tmp_path / "disk") as folder:
        yield folder


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_study_that_cannot_be_written_is_refused_in_one_line(
    kind: str, disk: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = disk / "results"
    results.mkdir()
    break_disk(kind, results)
    # A folder that is not writable is a matter of usage.
    assert main(tune_words("short", inputs, results)) == {"full": 1, "read-only": 2}[kind]
    (line,) = extraordinary(capsys.readouterr().err.splitlines())
    assert line.startswith("reviewtune: ")
    assert str(results) in line


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_study_whose_disk_fails_goes_on_afterwards(
    fault: str, disk: Path, inputs: Path, apart: Callable[..., Any]
) -> None:
    tried = apart(attempt, "short", fault, 0, inputs=inputs, folder=disk, limit=LIMIT_SECONDS)
    assert tried.status is not None, "it hung"
    assert is_plain(tried.said), "\n".join(tried.said)
    assert (tried.again, tried.trials, tried.left) == (0, "3 of 3", [])
