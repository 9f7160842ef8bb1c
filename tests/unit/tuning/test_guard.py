import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import subprocess, sys, time
from reviewtune.tuning.guard import ray_guarded

vital = subprocess.Popen([sys.argv[1], "60"])
with ray_guarded():
    if sys.argv[2] == "dies":
        vital.kill()
        time.sleep(60)
vital.kill()
print("left in peace")
"""


def run(folder: Path, what: str) -> "subprocess.CompletedProcess[str]":
    sleeper = shutil.copy(str(shutil.which("sleep")), folder / "raylet")
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, sleeper, what], capture_output=True, text=True, timeout=50, check=False
    )


def test_a_program_whose_raylet_died_ends_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "dies")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "reviewtune: Ray's raylet has died, perhaps for want of memory; what has finished is kept, and the same "
        "command goes on from there\n"
    )


def test_a_ray_that_ends_after_the_program_has_left_it_is_no_death(tmp_path: Path) -> None:
    done = run(tmp_path, "lives")
    assert (done.returncode, done.stdout, done.stderr) == (0, "left in peace\n", "")
