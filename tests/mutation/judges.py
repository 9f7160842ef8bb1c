"""Which tests judge a module's mutants: its own first, then those of its folder, of its package, and of who uses it."""

from pathlib import Path

ALSO = {
    "adapters": [
        "tests/unit/families/test_qlora.py",
        "tests/unit/families/test_qlora_state.py",
        "tests/unit/test_export.py",
        "tests/contract/test_peft_artifacts.py",
    ],
    "data": [],
    "evaluation": [],
    "tuning": [
        "tests/unit/test_ensemble.py",
        "tests/unit/test_commands.py",
        "tests/unit/test_presets.py",
        "tests/end_to_end/test_small_studies.py",
        "tests/end_to_end/test_small_rungs.py",
        "tests/end_to_end/test_small_sources.py",
    ],
}
"""Tests outside of tests/unit/PACKAGE, by package: what only they see."""

NEEDS_CUDA = frozenset(
    {
        "reviewtune/adapters/packed/graphs.py",
        "reviewtune/adapters/packed/matrix_rate.py",
        "reviewtune/adapters/packed/pace.py",
    }
)
"""Modules that a GPU alone runs: `make test-gpu` and the slow tests judge them."""


def modules_of(root: Path, package: str) -> list[str]:
    """Paths, from the root, of a package's modules whose mutants the tests can judge without a GPU."""
    paths = sorted(path.relative_to(root).as_posix() for path in (root / "reviewtune" / package).rglob("*.py"))
    return [path for path in paths if path not in NEEDS_CUDA and not path.endswith("__init__.py")]


def judges_of(root: Path, path: str, also: list[str]) -> list[str]:
    """Test files for the module at `path`, the likeliest judge first.

    Args:
        root: Of the checkout.
        path: Of the module, from there.
        also: Test files or folders that judge every module too, last.
    """
    module = Path(path)
    folder = Path("tests/unit", *module.parts[1:-1])
    package = Path("tests/unit", module.parts[1])
    own = folder / f"test_{module.stem}.py"
    near, rest = (_test_files(root, where) for where in (folder, package))
    wanted = [own.as_posix(), *near, *rest, *ALSO.get(module.parts[1], [])]
    wanted += [test for where in also for test in _test_files(root, Path(where))]
    return [test for test in dict.fromkeys(wanted) if (root / test).is_file()]


def _test_files(root: Path, where: Path) -> list[str]:
    if (root / where).is_file():
        return [where.as_posix()]
    return sorted(test.relative_to(root).as_posix() for test in (root / where).rglob("test_*.py"))
