import os
import subprocess
import sys
from pathlib import Path

import pytest

from reviewtune.errors import StudyError
from reviewtune.tuning.lock import HOLDER_FILE, study_lock

HOLD = """
import sys, time
from pathlib import Path
from reviewtune.tuning.lock import study_lock
with study_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_run_is_refused_by_the_name_of_the_first_and_goes_on_after_its_death(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(StudyError, match=f"is being run by process {first.pid} on "), study_lock(tmp_path):
            pass
    finally:
        first.kill()
        first.wait()
    with study_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / HOLDER_FILE).read_text()


def test_a_holder_that_has_not_said_its_name_still_holds(tmp_path: Path) -> None:
    with study_lock(tmp_path):
        (tmp_path / HOLDER_FILE).unlink()
        with pytest.raises(StudyError, match="by another process"), study_lock(tmp_path):
            pass


def test_what_a_dead_process_left_half_written_goes(tmp_path: Path) -> None:
    (tmp_path / "svm" / ".best.a1.partial").mkdir(parents=True)
    (tmp_path / "svm" / ".entry.json.b2.partial").touch()
    (tmp_path / "svm" / "entry.json").touch()
    with study_lock(tmp_path):
        assert [path.name for path in (tmp_path / "svm").iterdir()] == ["entry.json"]
