import subprocess
import sys
from pathlib import Path

import pytest

import reviewtune
from reviewtune.errors import ArtifactError


def test_what_is_promised_is_there_and_documented() -> None:
    for name in reviewtune.__all__:
        assert getattr(reviewtune, name).__doc__


def test_the_function_leaderboard_outlives_the_import_of_the_package_of_that_name() -> None:
    code = (
        "import reviewtune; from reviewtune.leaderboard.board import collect; import reviewtune.leaderboard.export; "
        "print(callable(reviewtune.leaderboard), collect.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True collect\n", done.stderr


def test_a_missing_results_directory_and_artifact_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no results directory"):
        reviewtune.leaderboard(tmp_path / "nothing")
    with pytest.raises(ArtifactError, match="reviewtune"):
        reviewtune.load(tmp_path)
