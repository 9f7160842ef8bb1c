"""The examples in docstrings, run as they stand, each module's in an empty folder; and who must have one."""

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXPLAINED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "reviewtune").rglob("*.py"))
    if ">>> " in path.read_text() and path.name != "__init__.py"
]
"""Modules with examples; those of `reviewtune` itself need a study, and run in `tests/end_to_end`."""

TAUGHT = [
    *(f"reviewtune.evaluation.{path.stem}" for path in sorted((ROOT / "reviewtune" / "evaluation").glob("[a-z]*.py"))),
    *(
        f"reviewtune.data.{name}"
        for name in ("columns", "labels", "named_source", "reviews", "sample", "sources", "texts")
    ),
    "reviewtune",
    "reviewtune.families.registry",
]
"""Modules each of whose public functions has an example."""
EXCEPT = {"reviewtune.data.reviews.read_reviews", "reviewtune.data.named_source.check_sources"}
"""Shown with the function before them."""


@pytest.mark.parametrize("name", EXPLAINED)
def test_examples_are_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags)
    for test in doctest.DocTestFinder().find(import_module(name), name):
        runner.run(test, out=said.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", TAUGHT)
def test_every_public_function_has_an_example(name: str) -> None:
    module = import_module(name)
    functions = {
        f"{name}.{key}": inspect.getdoc(value) or ""
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == name and not key.startswith("_")
    }
    assert sorted(key for key, text in functions.items() if ">>> " not in text and key not in EXCEPT) == []
