"""What `make docs` does beyond Markdown: pages from outside of docs/, and the tables that the code itself tells."""

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

OUTSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/BENCHMARKS.md", "cluster/README.md", "results/LOG.md")
"""Pages of the site by their place in the checkout, which is their place in the site too."""

_LINK = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside."""
    from mkdocs.structure.files import File

    for name in OUTSIDE:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links within the checkout into links within the site, and fill in the tables."""
    name = page.file.src_uri
    here = posixpath.dirname(name if name in OUTSIDE else f"docs/{name}")
    there = posixpath.dirname(name)

    def rewritten(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(here, link[1])).removeprefix("docs/")
        return f"]({posixpath.relpath(place, there or '.')}"

    text = _LINK.sub(rewritten, markdown)
    for mark, lines in (("<!-- settings -->", _settings), ("<!-- params -->", _params)):
        if mark in text:
            text = text.replace(mark, "\n".join(lines()))
    return text


def _settings() -> Iterator[str]:
    """A table of flags for each verb, from the models that the command line is made of."""
    from reviewtune.cli import VERBS

    for verb, known in VERBS.items():
        yield f"\n### `reviewtune {verb}`\n\n| flag | default | |\n|---|---|---|"
        for name, field in known.config.model_fields.items():
            alias = getattr(field.validation_alias, "choices", [name])[-1]
            default = "required" if field.is_required() else _value(field.default)
            yield f"| `--{str(alias).replace('_', '-')}` | {default} | {_cell(field.description)} |"


def _params() -> Iterator[str]:
    """A table of params for each family that comes with reviewtune."""
    from reviewtune.families.registry import FAMILIES, get_family
    from reviewtune.quiet import be_quiet

    be_quiet()
    for family in FAMILIES:
        params = get_family(family).params
        space = params.space()
        yield f"\n### `{family}`\n\n| param | default | searched | |\n|---|---|---|---|"
        for name, field in params.model_fields.items():
            searched = _searched(space[name]) if name in space else "no"
            yield f"| `{name}` | `{field.default}` | {searched} | {_cell(field.description)} |"


def _searched(distribution: Any) -> str:
    if hasattr(distribution, "choices"):
        return ", ".join(f"`{choice}`" for choice in distribution.choices)
    return f"{distribution.low:g} to {distribution.high:g}{', log' if distribution.log else ''}"


def _value(value: Any) -> str:
    return "" if value is None or value in ([], {}) else f"`{_cell(str(value))}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
