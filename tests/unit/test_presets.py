import ast
import subprocess
import sys
from pathlib import Path

import pytest

from reviewtune.cli import PRESETS, VERBS
from reviewtune.config import StudyConfig, parse
from reviewtune.families.registry import get_family
from reviewtune.families.space import resolve

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*(ROOT / "jobs" / "presets").glob("*.toml"), *PRESETS.values()])
JOBS = sorted((ROOT / "jobs").glob("*.py"))


@pytest.mark.parametrize("preset", FILES, ids=lambda path: path.stem)
def test_every_preset_is_a_study_whose_spaces_exist(preset: Path) -> None:
    config = parse(StudyConfig, [], prog="test", preset=preset)
    assert config.families
    for name in {*config.families, *config.space}:
        resolve(get_family(name).params, config.space.get(name, {}))


def test_there_are_the_jobs_that_the_readme_names() -> None:
    names = {path.stem for path in JOBS}
    assert names == {"tune_stella", "tune_flan_t5", "tune_minilm", "tune_heads", "embed", "evaluate", "leaderboard"}


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_a_job_is_a_preset_and_one_call(job: Path) -> None:
    source = job.read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    (verb,) = [call.args[0].value for call in calls if getattr(call.func, "id", "") == "run_job"]  # type: ignore[attr-defined]
    assert verb in VERBS
    assert len(source.splitlines()) <= 15


@pytest.mark.parametrize("job", ["tune_stella", "embed"])
def test_a_job_runs_from_any_folder(job: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "jobs" / f"{job}.py", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--base-model" in done.stdout
