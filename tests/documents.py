"""The blocks of code in the pages that people read, as they would type them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *ROOT.glob("docs/**/*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "cluster/README.md", "benchmarks/BENCHMARKS.md")),
    ]
)

_BLOCK = re.compile(
    r"^(?P<mark><!-- not run: (?P<reason>[^>]+) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Its page.
        language: `sh`, `python` or another.
        code: What stands between the fences.
        reason: Why it is not run; None where it is. The page has it as a comment right above, `<!-- not run: WHY -->`.
    """

    page: Path
    language: str
    code: str
    reason: str | None

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.code.strip().splitlines()[0][:60]}"


def blocks(language: str) -> list[Block]:
    """All blocks of a language, in the order of the pages."""
    found = [(page, match) for page in PAGES for match in _BLOCK.finditer(page.read_text())]
    return [Block(page, match["language"], match["code"], match["reason"]) for page, match in found
            if match["language"] == language]  # fmt: skip


def commands(code: str) -> Iterator[list[str]]:
    """The words of each command of a block of shell."""
    for line in re.sub(r"\\\n\s*", " ", code).splitlines():
        for part in re.split(r"\s&&\s", line):
            if words := shlex.split(part, comments=True):
                yield words
