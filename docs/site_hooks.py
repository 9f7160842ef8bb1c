"""The site holds some pages that lie outside of docs/, and the links to them are as they are in the checkout."""

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
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
    """Turn links within the checkout into links within the site."""
    name = page.file.src_uri
    here = posixpath.dirname(name if name in OUTSIDE else f"docs/{name}")
    there = posixpath.dirname(name)

    def rewritten(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(here, link[1])).removeprefix("docs/")
        return f"]({posixpath.relpath(place, there or '.')}"

    return _LINK.sub(rewritten, markdown)
