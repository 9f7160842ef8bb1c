"""The gallery, run as a user would; each within a minute on two idle cores."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAID = {
    "01_tune_and_read_the_board": ["tfidf is ", "test F1 to rules", "The page for people: "],
    "02_several_sources": ["trained without shop: F1 ", "trained without hotels: F1 "],
    "03_choose_a_threshold": [
        "needs 299 genuine reviews",
        "max_fpr=0.01",
        "asked for a limit of 0.01 %: a false-alarm rate",
    ],
    "04_score_a_table": ["tfidf, fake above ", "reviews are unusual, 1 have no text and no label"],
    "05_family_of_your_own": ["kept: the same seed gives the same scores", "  nearest  test F1 ", "'shrink': "],
}


def install_own_family(site: Path) -> None:
    """What `pip install ./examples/own_family` leaves: its module and its entry points."""
    own = ROOT / "examples" / "own_family"
    (site / "nearest_family.py").write_text((own / "nearest_family.py").read_text())
    project = tomllib.loads((own / "pyproject.toml").read_text())["project"]
    info = site / f"reviewtune_nearest-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((group, points),) = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def run(name: str, results: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([*map(str, paths), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, f"examples/{name}.py", str(results)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=590, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    install_own_family(tmp_path / "site")
    done = run(name, tmp_path / "results", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert [words for words in SAID[name] if words not in done.stdout] == [], done.stdout


def test_every_example_is_run_and_named_in_the_docs() -> None:
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert names == set(SAID)
    page = (ROOT / "docs" / "from_python.md").read_text()
    assert [name for name in sorted(names) if f"`examples/{name}.py`" not in page] == []


def test_a_family_that_is_not_installed_is_said_so(tmp_path: Path) -> None:
    done = run("05_family_of_your_own", tmp_path)
    assert (done.returncode, done.stderr) == (1, "install it first: pip install ./examples/own_family\n")
