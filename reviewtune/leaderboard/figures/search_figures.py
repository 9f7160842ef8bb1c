"""Figures of how a configuration was found; `data` is what `page.trials.search_figures` has made."""

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reviewtune.leaderboard.figures.style import FAKE, GENUINE, INK, SERIES, SOFT, Draw


def history(data: dict[str, Any]) -> Draw:
    """Validation F1 of each trial, and the best so far."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        told = data["history"]
        f1 = np.array([np.nan if value is None else value for value in told["f1"]])
        number = np.arange(1, len(f1) + 1) if told["n"] is None else np.array(told["n"])
        stopped = np.array(list(told["status"])) == "s"
        axes.plot(number[~stopped], f1[~stopped], "o", color=SOFT, markersize=3, label="finished")
        if stopped.any():
            axes.plot(number[stopped], f1[stopped], "^", color=FAKE, markersize=3, label="stopped early")
        best = np.fmax.accumulate(f1)
        axes.step(number, best, where="post", color=GENUINE, label="best so far")
        if told["isDefault"] is not None:
            at = told["isDefault"]
            axes.plot(number[at], f1[at], "D", color=SERIES[3], markersize=6, label="default configuration")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set(xlabel="Trials, in the order in which they ended", ylabel="Validation F1")
        axes.legend(loc="best")

    return draw


def curves(data: dict[str, Any]) -> Draw:
    """Learning curves, with the rungs at which trials were stopped."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        lines = data["curves"]["lines"]
        kinds = (("finished", SOFT, "-"), ("stopped early", FAKE, "--"))
        for stopped, (title, colour, dash) in enumerate(kinds):
            some = [line for line in lines if (line["s"] == "s") == bool(stopped) and "chosen" not in line]
            drawn = [np.column_stack([line["x"], line["y"]]) for line in some]
            if drawn:
                collection = LineCollection(drawn, colors=colour, linewidths=0.7, linestyles=dash, alpha=0.7)
                axes.add_collection(collection)
                axes.plot([], [], color=colour, linestyle=dash, linewidth=0.7, label=title)
                last = np.array([line[-1] for line in drawn])
                axes.plot(*last.T, ".", color=colour, markersize=3)
        for line in lines:
            if "chosen" in line:
                axes.plot(line["x"], line["y"], "-o", color=GENUINE, markersize=4, label="selected")
        for place, number in data["curves"]["rungs"]:
            axes.axvline(place, color=INK, linewidth=0.7, linestyle=":")
            axes.annotate(
                f"{number} stopped", (place, 1), xycoords=("data", "axes fraction"), fontsize=7, rotation=90, va="top"
            )
        axes.set(xlabel="Share of a trial's own course (%)", ylabel="Validation F1", xlim=(0, 101))
        axes.autoscale(axis="y")
        axes.legend(loc="lower right")

    return draw


def importance(data: dict[str, Any]) -> Draw:
    """Which params mattered, by functional ANOVA."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        names, weights = zip(*reversed(data["importance"]), strict=True)
        axes.barh(names, weights, color=GENUINE, height=0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Share of the variance of F1 that it explains")

    return draw


def coordinates(data: dict[str, Any]) -> Draw:
    """Parallel coordinates: a line a trial over an axis a param and the F1, the selected one thick."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        f1, chosen = np.array(data["params"]["f1"]), data["params"]["chosen"]
        every = [*data["params"]["axes"], {"name": "F1", "values": data["params"]["f1"], "log": False}]
        heights = np.column_stack([_heights(axis) for axis in every])
        places = np.arange(len(every))
        good = f1 >= np.quantile(f1, 0.75)
        for kind, colour, alpha in ((~good, SOFT, 0.3), (good, GENUINE, 0.7)):
            lines = [np.column_stack([places, height]) for height in heights[kind]]
            axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.8, alpha=alpha))
        if chosen is not None:
            axes.plot(places, heights[chosen], color=INK, linewidth=2)
        for place, axis in enumerate(every):
            ends = axis["names"] if "names" in axis else [min(axis["values"]), max(axis["values"])]
            low, high = ends[0], ends[-1]
            axes.text(place, -0.02, _short(low), ha="center", va="top", fontsize=7, color=SOFT)
            axes.text(place, 1.02, _short(high), ha="center", va="bottom", fontsize=7, color=SOFT)
        axes.set_xticks(places, [axis["name"] for axis in every], rotation=30, ha="right", fontsize=8)
        axes.tick_params(axis="x", length=0, pad=14)
        axes.set(ylim=(0, 1), xlim=(-0.2, len(every) - 0.8), yticks=[])
        axes.spines[:].set_visible(False)

    return draw


def _heights(axis: dict[str, Any]) -> np.ndarray:
    """(T,) places of the values on an axis from 0 to 1."""
    values = np.array(axis["values"], dtype=float)
    if axis.get("log"):
        values = np.log(values)
    low, high = (0.0, max(len(axis["names"]) - 1.0, 1.0)) if "names" in axis else (values.min(), values.max())
    return (values - low) / ((high - low) or 1.0)


def _short(value: Any) -> str:
    return str(value)[:12] if isinstance(value, str) else f"{value:.3g}"
