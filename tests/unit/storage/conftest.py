"""A bucket on the disk, and what two machines have of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reviewtune.storage.place import MIRROR, as_folder

Machine = Callable[[str], Path]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Be a machine of that name from now on: its folder of the results in the bucket."""

    def be(name: str) -> Path:
        monkeypatch.setenv(MIRROR, str(tmp_path / name))
        return as_folder(f"file://{tmp_path}/bucket/results")

    return be


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """The results in it."""
    return tmp_path / "bucket" / "results"
