"""The tool that measures these tests: what it changes, what it leaves, and that its sample can be drawn again."""

from pathlib import Path

import pytest

pytest.importorskip("libcst", reason="needs mutmut: pip install -e '.[mutants]'")
pytest.importorskip("mutmut", reason="needs mutmut: pip install -e '.[mutants]'")

from tests.mutation.judges import judges_of, modules_of
from tests.mutation.mutants import changes_of
from tests.mutation.sample import draw, known_equivalents

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''"""Words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import argv

LEAST = 3


@property
def half(values: "list[int] | None", other: int = 2) -> float:
    """More words."""
    assert values is not None
    if len(values) < LEAST:
        raise ValueError(f"at least {LEAST + 0} values")
    print("counted", 7)
    return sum(a for a, _ in zip(values, values, strict=True)) / other
'''


def test_code_is_changed_and_annotations_words_and_guards_are_not(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    found = [change.mutant() for change in changes_of(tmp_path, "module.py")]
    changed = {mutant.after.strip() for mutant in found if mutant}
    assert {
        "LEAST = 4",
        "LEAST = None",
        'def half(values: "list[int] | None", other: int = 3) -> float:',
        "if len(values) <= LEAST:",
        "return sum(a for a, _ in zip(values, values, strict=True)) * other",
        "return sum(a for a, _ in zip(values, None, strict=True)) / other",
    } <= changed
    source = MODULE.splitlines()
    for mutant in filter(None, found):
        assert source[mutant.line - 1].strip() == mutant.before.strip()
        for silent in ("assert", "raise", "print", "import", "@property"):
            assert silent not in mutant.before
        assert not any(weak in mutant.after for weak in ("values, values)", "strict=False", "strict=None"))


def test_a_sample_can_be_drawn_again_and_takes_its_packages_in_turn() -> None:
    one, again, other = (draw(ROOT, ["evaluation", "adapters"], 3, seed, "s") for seed in (0, 0, 1))
    assert one == again != other
    assert [mutant.path.split("/")[1] for mutant in one] == ["evaluation", "adapters"] * 3


def test_a_modules_own_tests_judge_it_first_and_every_module_has_some() -> None:
    tests = judges_of(ROOT, "reviewtune/adapters/packed/masks.py", ["tests/unit/test_files.py"])
    assert tests[0] == "tests/unit/adapters/packed/test_masks.py"
    assert tests[-1] == "tests/unit/test_files.py"
    assert len(set(tests)) == len(tests)
    for package in ("adapters", "data", "evaluation", "tuning"):
        modules = modules_of(ROOT, package)
        assert modules
        assert all(judges_of(ROOT, module, []) for module in modules)


def test_every_equivalent_change_is_of_code_that_is_there() -> None:
    for path, before, after in known_equivalents():
        assert before in " ".join((ROOT / path).read_text().split()), before
        assert before != after
