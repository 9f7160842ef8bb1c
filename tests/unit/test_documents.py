"""That what README and docs tell people to type is there, and that messages and links are as the pages say.

Blocks of Python run in `tests/end_to_end/test_documents.py`; commands are parsed here by the program's own parser.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reviewtune.arguments import parse
from reviewtune.cli import VERBS, flagged
from tests.documents import PAGES, ROOT, Block, blocks, commands

OTHERS = {
    "make", "ray", "source", "export", "docker", "kubectl", "pip", "git", "for", "test", "chmod", "tensorboard",
    "optuna-dashboard", "RAY_AUTH_MODE=token", "serve", "curl",
}  # fmt: skip
"""First words of commands that are not reviewtune's."""
SHELL = blocks("sh")


def programs(words: list[str]) -> Iterator[list[str]]:
    """The program that a command starts, and one that a job submission hands on."""
    yield words
    if "--" in words:
        yield words[words.index("--") + 1 :]


@pytest.mark.parametrize("block", SHELL, ids=[block.name for block in SHELL])
def test_a_command_is_one_that_the_program_takes(block: Block) -> None:
    for command in commands(block.code):
        for program, *arguments in programs(command):
            name = Path(program).name
            if name == "reviewtune":
                verb, *words = arguments
                parse(VERBS[verb].config, flagged(verb, words), prog="reviewtune")
            elif name == "python":
                check_script(arguments)
            elif name == "make":
                assert all(is_target(word) for word in arguments if "=" not in word), arguments
            else:
                assert name in OTHERS, f"{name}: say in OTHERS that it is not reviewtune's"


def check_script(arguments: list[str]) -> None:
    """A script or module of the checkout; its flags occur in what it says of them, those of a job are the program's."""
    if arguments[0] == "-m":
        path = ROOT / (arguments[1].replace(".", "/") + ".py")
        if arguments[1] in ("pytest", "pip", "venv"):
            assert all((ROOT / word).exists() for word in arguments[2:] if word.startswith("tests/"))
            return
        path, arguments = path if path.exists() else path.with_suffix("") / "__main__.py", arguments[1:]
    else:
        path = ROOT / arguments[0].removeprefix("/opt/reviewtune/")
    assert path.is_file(), f"{path} is not there"
    if path.parent.name == "jobs":
        verb = re.search(r'run_job\("(\w+)"', path.read_text())
        assert verb is not None
        parse(VERBS[verb[1]].config, arguments[1:], prog="job")
        return
    for flag in (word for word in arguments[1:] if word.startswith("--") and word not in ("--help", "--output")):
        assert flag in path.read_text(), f"{path.name} takes no {flag}"


def is_target(word: str) -> bool:
    return bool(re.search(rf"^{re.escape(word)}:", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_checkout_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!\w+:|#)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        there = page.parent / path
        assert there.exists(), f"{page.name} links to {path}"
        if anchor:
            assert anchor in anchors(there), f"{path} has no heading {anchor}"


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def said() -> list[str]:
    """All texts of the package, what is put into them left out, in one form."""
    found = []
    for path in (ROOT / "reviewtune").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return [re.sub(r"…+", "…", text) for text in found]


def test_the_messages_that_are_explained_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    explained = re.findall(r"^#### `(.+)`$", page, re.MULTILINE)
    assert len(explained) > 30
    texts = said()

    def is_said(message: str) -> bool:
        # What a page shows as one word or sentence may be put together of several.
        pieces = [re.escape(piece) for piece in message.split("…")]
        pattern = re.compile(".*?".join(pieces), re.DOTALL)
        if any(pattern.search(text) for text in texts):
            return True
        return all(any(piece.strip() in text for text in texts) for piece in message.split("…") if len(piece) > 12)

    assert [message for message in explained if not is_said(message)] == []
