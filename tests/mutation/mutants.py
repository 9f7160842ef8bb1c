"""The mutants of a module: what mutmut's operators make of it, one small change each.

Set aside are places where a change says nothing of the tests: annotations, decorators, imports, assertions and other
guards against our own mistakes, and the words of errors, warnings and prints, which tests match in part on purpose.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper
from mutmut.mutation.mutators import mutation_operators

SILENT = cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom | cst.Assert | cst.Raise
"""Nodes in which nothing is changed."""
WORDS = m.Call(func=m.OneOf(m.Name("print"), m.Name("TypeVar"), m.Attribute(attr=m.Name("warn") | m.Name("warning"))))
ONLY_TYPES = m.If(test=m.Name("TYPE_CHECKING"))
GUARDS = frozenset({"strict", "stacklevel"})
"""Keyword arguments that are assertions: `zip(..., strict=True)`."""


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        path: Of the module, from the root of the checkout.
        line: Where the change begins, from 1.
        before, after: The changed lines.
        code: Of the whole module.
    """

    path: str
    line: int
    before: str
    after: str
    code: str

    def __str__(self) -> str:
        return "\n".join([f"{self.path}:{self.line}", *_marked("-", self.before), *_marked("+", self.after)])


@dataclass(frozen=True, eq=False)
class Change:
    """A node of a module and what an operator makes of it; the code is made when asked for, which takes a while.

    Attributes:
        path: Of the module, from the root of the checkout.
        module: All of it.
        node, changed: The node, and what comes in its place.
    """

    path: str
    module: cst.Module
    node: cst.CSTNode
    changed: cst.CSTNode

    def mutant(self) -> Mutant | None:
        """The module with this change; None where that is the same code or none."""
        replaced = self.module.deep_replace(self.node, self.changed)
        assert isinstance(replaced, cst.Module)
        source, code = self.module.code, replaced.code
        if code == source or not _compiles(code):
            return None
        return Mutant(self.path, *_difference(source, code), code)


def changes_of(root: Path, path: str) -> list[Change]:
    """All changes to the module at `path`, in its order."""
    wrapper = MetadataWrapper(cst.parse_module((root / path).read_text()))
    finder = _Finder()
    wrapper.visit(finder)
    return [Change(path, wrapper.module, node, changed) for node, changed in finder.changes]


class _Finder(cst.CSTVisitor):
    """Collects (node, changed node) for each change that an operator knows."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, SILENT) or m.matches(node, WORDS) or m.matches(node, ONLY_TYPES) or _is_guard(node):
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self.changes += [(node, changed) for changed in operator(node) if not _changes_guard(node, changed)]
        return True


def _is_guard(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value in GUARDS


def _changes_guard(node: cst.CSTNode, changed: cst.CSTNode) -> bool:
    """Whether a call lost or changed a guard and nothing else."""
    if not (isinstance(node, cst.Call) and isinstance(changed, cst.Call)):
        return False
    kept = {id(arg) for arg in changed.args}
    gone = [arg for arg in node.args if id(arg) not in kept]
    return bool(gone) and all(map(_is_guard, gone))


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _difference(source: str, code: str) -> tuple[int, str, str]:
    """(line, lines before, lines after) of what differs."""
    old, new = source.splitlines(), code.splitlines()
    changed = [
        block for block in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes() if block[0] != "equal"
    ]
    first, last = changed[0], changed[-1]
    return first[1] + 1, "\n".join(old[first[1] : last[2]]), "\n".join(new[first[3] : last[4]])


def _marked(mark: str, lines: str) -> Iterator[str]:
    return (f"  {mark} {line.strip()}" for line in lines.splitlines())
