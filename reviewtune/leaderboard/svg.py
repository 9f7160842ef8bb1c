"""Matplotlib figures as SVG that lives inside a page: no font, colour or id of its own.

A figure is drawn in placeholder colours, each of which becomes a CSS value, so that it follows the page from light to
dark. Text stays text, in the page's font.
"""

import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

INK = "#010101"
FAINT = "#020202"
SERIES = tuple(f"#0301{index:02x}" for index in range(6))
"""Placeholder colours: the text's, that of rules and grids, and one a data series (`--series-0` of the page and on)."""

COLOURS = {
    INK: "currentColor",
    FAINT: "var(--rule)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES)},
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reviewtune",  # the same board gives the same page
    "text.parse_math": False,  # a `$` in a name is a dollar
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def inline_svg(name: str, title: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """An `<svg>` element of what `draw` puts on an empty figure.

    Args:
        name: Sets its ids apart from those of the page's other figures.
        title: What it shows, for readers who do not see it.
        size: Width and height in inches; the element scales to the width it is given.
        draw: Draws in the colours `INK`, `FAINT` and `SERIES`.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=NO_METADATA)
    text = buffer.getvalue()
    body = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    _, _, body = body.partition(">")
    body = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", body).replace("xlink:href", "href")
    body = re.sub(r"font: (\d+px)[^;\"]*", r"font-size: \1", body)
    for placeholder, value in COLOURS.items():
        body = body.replace(placeholder, value)
    width, height = (round(side * 72) for side in size)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{body}'
