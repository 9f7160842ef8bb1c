"""The Python that the pages show, and the examples of `reviewtune` itself, run where a reader would: beside a study."""

import doctest
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import reviewtune
from reviewtune.data.sample import generate
from reviewtune.predict import Classifier
from tests.documents import ROOT, Block, blocks

ELSEWHERE = "AutoPeftModelForSequenceClassification"
"""What loads an adapter runs in `tests/unit/test_documented_loading.py`, which has one."""
PYTHON = [block for block in blocks("python") if block.reason is None and ELSEWHERE not in block.code]


def explained(function: object, name: str) -> None:
    """Run the examples of a docstring."""
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(recurse=False).find(function, name, globs=vars(reviewtune).copy()):
        runner.run(test, out=said.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where reviews.csv is, and results of a study of it: what the docstring of `tune` shows has made them."""
    here, before = tmp_path_factory.mktemp("reader"), Path.cwd()
    table = generate().to_pandas()[["text", "label"]]
    table["label"] = table["label"].map({"fake": "CG", "genuine": "OR"})
    table.to_csv(here / "reviews.csv", index=False)
    os.chdir(here)
    try:
        explained(reviewtune.tune, "tune")
    finally:
        os.chdir(before)
    (artifact,) = (here / "results" / "artifacts").iterdir()
    artifact.with_name("NAME").symlink_to(artifact)
    return here


@pytest.mark.parametrize("shown", [reviewtune.load, reviewtune.leaderboard, reviewtune.embed, Classifier])
def test_what_reviewtune_shows_is_true(shown: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    explained(shown, shown.__name__)


def paged(page: Path) -> object:
    """A page as a parameter; one whose code is tests of its own takes half a minute."""
    tests = any("import pytest" in block.code for block in PYTHON if block.page == page)
    return pytest.param(page, id=page.name, marks=pytest.mark.slow if tests else ())


@pytest.mark.parametrize("page", [paged(page) for page in sorted({block.page for block in PYTHON})])
def test_a_pages_python_runs(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(ROOT / "examples" / "own_family")
    names: dict[str, object] = {}
    for block in PYTHON:
        if block.page == page:
            if "import pytest" in block.code:
                run_as_tests(block, tmp_path)
            else:
                exec(compile(block.code, block.name, "exec"), names)


def run_as_tests(block: Block, folder: Path) -> None:
    (folder / "test_shown.py").write_text(block.code)
    path = os.pathsep.join([str(ROOT / "examples" / "own_family"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shown.py"],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
