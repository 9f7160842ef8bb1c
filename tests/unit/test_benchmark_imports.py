"""That what the benchmarks and jobs take from the package is still there: most of them run on a GPU alone."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("jobs/*.py")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_names_that_a_script_takes_exist(script: Path) -> None:
    taken = [
        (node.module, name.name)
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "reviewtune"
        for name in node.names
    ]
    missing = [f"{module}.{name}" for module, name in taken if not _is_there(module, name)]
    assert missing == []


def _is_there(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    try:
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


def test_a_script_that_takes_what_is_gone_is_seen() -> None:
    assert len(SCRIPTS) > 20
    assert _is_there("reviewtune.tuning", "study")
    assert not _is_there("reviewtune.evaluation.threshold", "calibrated")
