"""The page's text: template, styles and scripts in one, under a policy that lets nothing else run or load."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reviewtune.durations import duration
from reviewtune.leaderboard.board import Board
from reviewtune.leaderboard.cells import NOTHING, interval_text, rate
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.page.sorting import LOW_FIRST, sort_value
from reviewtune.leaderboard.page.view import label, views
from reviewtune.leaderboard.parts import HEAD
from reviewtune.markup import visible

SCRIPTS = (
    "vendor/chart.umd.min.js",
    "theme.js",
    "judged.js",
    "explorer.js",
    "search.js",
    "group.js",
    "board.js",
    "main.js",
)
"""In the order in which they run; the first is Chart.js (`vendor/README.md`)."""


def html_page(board: Board, results_dir: Path | None = None, *, with_texts: bool = False) -> str:
    """The whole page.

    Args:
        board: What it shows.
        results_dir: Where what lies beside its entries is read; None: the page is of the board alone.
        with_texts: Whether the lists of errors show the reviews' texts.
    """
    environment = Environment(
        loader=PackageLoader("reviewtune.leaderboard.page", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "rate": rate, "label": label, "interval": interval_text, "day": _day}
    environment.globals |= {"sort_value": sort_value, "low_first": LOW_FIRST, "nothing": NOTHING, "parts_head": HEAD}
    warnings = list(board.warnings)
    groups = views(board, results_dir, with_texts=with_texts, warnings=warnings)
    style, script = web_text("style.css"), "\n".join(map(web_text, SCRIPTS))
    families = sorted({entry.family for entry in board.entries})
    return environment.get_template("page.html.jinja").render(
        groups=groups,
        families=families,
        warnings=warnings,
        policy=policy(style, script),
        style=Markup(style),  # noqa: S704  both are the package's own files
        script=Markup(script),  # noqa: S704
        with_texts=with_texts,
    )


def policy(style: str, script: str) -> str:
    """The content security policy: these two and nothing else, from nowhere."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def web_text(name: str) -> str:
    """A file of `web`, without the note on where its source map would be loaded from."""
    text = files("reviewtune.leaderboard.page").joinpath("web", name).read_text(encoding="utf-8")
    return re.sub(r"\n//# sourceMappingURL=\S*", "", text).strip()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _day(entry: Entry) -> str:
    return f"{entry.provenance.created_at:%Y-%m-%d %H:%M} UTC"
