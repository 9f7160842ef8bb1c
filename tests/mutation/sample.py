"""A sample of mutants, and what is known of those that no test can kill."""

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Self

from tests.mutation.bench import Verdict
from tests.mutation.judges import modules_of
from tests.mutation.mutants import Mutant, changes_of

EQUIVALENTS = Path(__file__).with_name("equivalent.toml")
Lines = tuple[str, str, str]
"""Path, lines before and lines after, without the space around them."""


def draw(root: Path, packages: list[str], size: int, seed: int, match: str) -> list[Mutant]:
    """At most `size` mutants of each package, each as likely as any other, in random order, the packages in turn."""
    drawn = [list(islice(_in_random_order(root, package, seed, match), size)) for package in packages]
    return [mutant for mutant in chain.from_iterable(zip_longest(*drawn)) if mutant is not None]


def _in_random_order(root: Path, package: str, seed: int, match: str) -> Iterator[Mutant]:
    paths = [path for path in modules_of(root, package) if match in path]
    changes = [change for path in paths for change in changes_of(root, path)]
    random.Random(f"{seed} {package}").shuffle(changes)
    return (mutant for change in changes if (mutant := change.mutant()) is not None)


@dataclass(frozen=True)
class Judged:
    """A mutant and what became of it.

    Attributes:
        package, path, line, before, after: Of the mutant.
        outcome: `killed`, `survived`, or `equivalent`: it survived, and behaves as the code does.
        status, seconds, failed: Of the verdict.
    """

    package: str
    path: str
    line: int
    before: str
    after: str
    outcome: str
    status: int | None
    seconds: float
    failed: str

    @classmethod
    def of(cls, package: str, mutant: Mutant, verdict: Verdict, known: set[Lines]) -> Self:
        """A mutant by its verdict."""
        outcome = "killed"
        if verdict.passed:
            outcome = "equivalent" if _change(mutant.path, mutant.before, mutant.after) in known else "survived"
        where = package, mutant.path, mutant.line, mutant.before, mutant.after
        return cls(*where, outcome, verdict.status, round(verdict.seconds, 1), verdict.failed)


def known_equivalents() -> set[Lines]:
    """Changes that were read and found to change nothing that a test could see, each with its reason in the file."""
    entries = tomllib.loads(EQUIVALENTS.read_text())["equivalent"]
    return {_change(entry["path"], entry["before"], entry["after"]) for entry in entries}


def _change(path: str, before: str, after: str) -> Lines:
    return path, " ".join(before.split()), " ".join(after.split())
