"""The examples in docstrings, run as they stand, each module's in an empty folder; and who must have one.

Whatever the reference of the documentation shows has one: each public function, and each class with public methods, at
the class or at each of them. Protocols and abstract classes are shown by what fulfils them.
"""

import doctest
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE_A_STUDY = {"reviewtune.__init__", "reviewtune.predict"}
"""Their examples need an artifact, and run in `tests/end_to_end/test_documents.py`."""
EXPLAINED = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "reviewtune").rglob("*.py"))
    if ">>> " in path.read_text()
} - BESIDE_A_STUDY
"""Modules with examples."""

REFERENCE = sorted(
    name
    for page in (ROOT / "docs" / "reference").glob("*.md")
    for name in re.findall(r"^::: (\S+)", page.read_text(), re.MULTILINE)
)
"""What the reference shows: modules, and single classes of others."""
CHECKS = "a check, called with a bench: reviewtune.testing shows how"
SHOWN_WITH_ITS_FAMILY = "made by its family, whose example scores and saves with it"
EXCEPT = {
    "reviewtune.families.base.as_texts": "does nothing but tell the type checker",
    "reviewtune.families.mlp.MlpModel": SHOWN_WITH_ITS_FAMILY,
    "reviewtune.families.qlora.QloraModel": SHOWN_WITH_ITS_FAMILY,
    "reviewtune.families.registered.registered_families": "tells another thing on another machine",
    "reviewtune.families.rules.RulesModel.save": SHOWN_WITH_ITS_FAMILY,
    "reviewtune.families.rules.RulesModel.scores": SHOWN_WITH_ITS_FAMILY,
    "reviewtune.families.svm.FastSvmModel": "needs scikit-learn-intelex",
    "reviewtune.families.svm.fast_svc_installed": "tells another thing on another machine",
    "reviewtune.families.tfidf.TfidfModel.save": SHOWN_WITH_ITS_FAMILY,
    "reviewtune.testing.encoders": CHECKS,
    "reviewtune.testing.families": CHECKS,
    "reviewtune.testing.stored_models": CHECKS,
}
"""What needs no example, and why: a module, a class, or a function."""


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_examples_are_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=flags)
    for test in doctest.DocTestFinder().find(import_module(name), name):
        runner.run(test, out=said.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", REFERENCE)
def test_all_that_the_reference_shows_has_an_example(name: str) -> None:
    assert sorted(each for each in without_example(name) if not excepted(each)) == []


@pytest.mark.parametrize("name", sorted(EXCEPT))
def test_no_exception_outlives_its_reason(name: str) -> None:
    found = [each for shown in REFERENCE for each in without_example(shown)]
    assert any(each == name or each.startswith(f"{name}.") for each in found)


def excepted(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in EXCEPT)


def without_example(shown: str) -> Iterator[str]:
    """Names of the functions and methods without one."""
    above, _, last = shown.rpartition(".")
    home, is_class = (above, True) if last[0].isupper() else (shown, False)
    module = import_module(home)
    for key in [last] if is_class else [key for key in vars(module) if is_own(module, key)]:
        value = getattr(module, key)
        if not inspect.isclass(value):
            yield from () if has_example(value) else (f"{home}.{key}",)
        elif not (getattr(value, "_is_protocol", False) or inspect.isabstract(value) or has_example(value)):
            yield from (f"{home}.{key}.{name}" for name, method in methods(value) if not has_example(method))


def is_own(module: ModuleType, key: str) -> bool:
    value = getattr(module, key)
    is_shown = inspect.isfunction(inspect.unwrap(value)) or inspect.isclass(value)
    return is_shown and value.__module__ == module.__name__ and not key.startswith("_")


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """The public ones that it defines itself."""
    for key, value in vars(cls).items():
        function = getattr(value, "__func__", value)
        if inspect.isfunction(function) and not key.startswith("_"):
            yield key, function


def has_example(value: Any) -> bool:
    return ">>> " in (value.__doc__ or "")
