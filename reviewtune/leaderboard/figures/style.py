"""How the figures look, and how one becomes its two files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reviewtune.files import in_one_step

INK, SOFT, RULE = "#1c2024", "#5b6570", "#d5dae0"
GENUINE, FAKE = "#0b6bcb", "#c2410c"
SERIES = (GENUINE, FAKE, "#0f766e", "#9333ea", "#a16207", "#be185d")
"""The page's colours by day: told apart by people who see red and green alike, and by markers and dashes besides."""
MARKERS = "os^Dvp"
DASHES = ("-", "--", ":", "-.")
WIDTH, HEIGHT = 4.6, 3.3
"""Inches: a column of most journals is 3.3 to 3.5 wide, a page twice that; letters stay readable in either."""
DPI = 200
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "reviewtune",  # the same board gives the same file
    "text.parse_math": False,  # a `$` in a name is a dollar
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
}

Draw = Callable[[Figure], None]


def write_figure(path: Path, draw: Draw, size: tuple[float, float] = (WIDTH, HEIGHT)) -> list[Path]:
    """Write `path` with the endings .png and .svg, each in one step, and return both.

    Args:
        path: Without an ending.
        draw: Draws on an empty figure.
        size: Inches.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        # The layout is solved once for both files.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        paths = [path.with_name(f"{path.name}.{kind}") for kind in ("png", "svg")]
        for target in paths:
            kind = target.suffix[1:]
            none = {"Software": None} if kind == "png" else dict.fromkeys(("Creator", "Date", "Format", "Type"))
            with in_one_step(target) as partial:
                figure.savefig(partial, format=kind, dpi=DPI, metadata=none)
    return paths


def unit_axes(axes: Axes, across: str, up: str) -> None:
    """Both axes from 0 to 1, with titles."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=across, ylabel=up)
