"""The board as one page that needs nothing else: no script, no request, light and dark, desktop and phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reviewtune.leaderboard.board import Board, Group
from reviewtune.leaderboard.columns import NOTHING, columns_of, duration, interval_text, rate, tie_text
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.figures import cost_figure, incumbent_figure, interval_figure, label
from reviewtune.leaderboard.parts import HEAD, parts_of
from reviewtune.leaderboard.remarks import remarks
from reviewtune.leaderboard.side_tables import side_tables

DRAWN = {"interval", "study"}
"""Keys of columns that the page shows beside the F1 and under the family."""
FOLDED = {"default", "gain", "precision", "recall", "roc_auc", "ece", "trials"}
"""Keys of columns that it shows among an entry's configuration: its table is to fit a screen."""


@dataclass(frozen=True)
class Whisker:
    """A test F1 with its interval as places on a bar, in percent of the bar's width."""

    low: float
    point: float
    high: float


def html_page(board: Board) -> str:
    """The whole page as text."""
    environment = Environment(
        loader=PackageLoader("reviewtune.leaderboard", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "rate": rate, "label": label, "interval": interval_text, "day": _day}
    columns = [column for column in columns_of(board.entries) if column.key not in DRAWN]
    groups = [_context(group, f"split-{number}") for number, group in enumerate(board.groups, start=1)]
    template = environment.get_template("report.html.jinja")
    shown, folded = ([column for column in columns if (column.key in FOLDED) is hidden] for hidden in (False, True))
    parts = {entry.name: parts_of(board.slices.get(entry.name)) for entry in board.entries}
    told = {"groups": groups, "parts": parts, "parts_head": HEAD, "columns": shown, "folded": folded}
    return template.render(warnings=board.warnings, nothing=NOTHING, **told) + "\n"


def _context(group: Group, name: str) -> dict[str, Any]:
    """What the template shows of a group."""
    scored = [entry for entry in group.entries if entry.rank is not None]
    return {
        "name": name,
        "data": group.data,
        "split": group.split_sha256,
        "entries": group.entries,
        "best": scored[0] if scored else None,
        "tied": [entry for entry in scored[1:] if tie_text(entry) == "tied"],
        "ahead": [entry for entry in scored[1:] if tie_text(entry) == "ahead"],
        "remarks": remarks(group),
        "sides": side_tables(group),
        "reviews": _reviews(scored),
        "whiskers": _whiskers(scored),
        "figures": _figures(name, scored),
        "newest": group.newest,
    }


def _reviews(scored: Sequence[Entry]) -> tuple[int, int] | None:
    """Test reviews and how many of them are fake."""
    if not scored or scored[0].test is None:
        return None
    test = scored[0].test
    fakes = test.true_positives + test.false_negatives
    return fakes + test.false_positives + test.true_negatives, fakes


def _whiskers(scored: Sequence[Entry]) -> dict[str, Whisker]:
    """The bar of each entry, by name, all on the scale from the lowest to the highest end of the group's intervals."""
    tests = {entry.name: entry.test for entry in scored if entry.test is not None}
    if not tests:
        return {}
    low = min(test.f1_low for test in tests.values())
    width = max(max(test.f1_high for test in tests.values()) - low, 1e-9)

    def place(value: float) -> float:
        return round(4 + 92 * (value - low) / width, 1)

    return {name: Whisker(place(test.f1_low), place(test.f1), place(test.f1_high)) for name, test in tests.items()}


def _figures(name: str, scored: Sequence[Entry]) -> list[tuple[str, Markup]]:
    """Caption and SVG of each plot that has something to show. Matplotlib has escaped the names in the SVG."""
    figures = []
    if scored:
        caption = (
            "Test F1 with its 95\N{NO-BREAK SPACE}% interval. Coloured: not behind the first. "
            "The band is the first entry's interval."
        )
        figures.append((caption, interval_figure(f"{name}-f1", scored)))
    searched = [entry for entry in scored if sum(trial.f1 is not None for trial in entry.trials) > 1]
    if searched:
        caption = "What the search bought: the best validation F1 after each trial."
        figures.append((caption, incumbent_figure(f"{name}-search", searched)))
    costed = [entry for entry in scored if entry.cost is not None]
    if len(costed) > 1:
        caption = "What it cost: test F1 against the time of all trials, on a logarithmic axis."
        figures.append((caption, cost_figure(f"{name}-cost", costed)))
    return [(caption, Markup(svg)) for caption, svg in figures]  # noqa: S704


def _day(entry: Entry) -> str:
    return f"{entry.provenance.created_at:%Y-%m-%d %H:%M} UTC"
