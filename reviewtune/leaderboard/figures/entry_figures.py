"""Figures of what one entry did on the test split; `data` is what `page.judged.curves` has made."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from reviewtune.evaluation.significance import CONFIDENCE, wilson
from reviewtune.leaderboard.figures.style import FAKE, GENUINE, INK, RULE, SERIES, SOFT, Draw, unit_axes


def confusion(data: dict[str, Any]) -> Draw:
    """The confusion matrix at the entry's own threshold, with shares of each class."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        found, alarms = data["found"][data["own"]], data["alarms"][data["own"]]
        cells = np.array([[found, data["fakes"] - found], [alarms, data["genuine"] - alarms]])
        shares = cells / cells.sum(axis=1, keepdims=True)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
        for (row, column), number in np.ndenumerate(cells):
            text = f"{number:,}\n{100 * shares[row, column]:.1f} %"
            axes.text(column, row, text, ha="center", va="center", color="white" if shares[row, column] > 0.8 else INK)
        axes.set_xticks([0, 1], ["called fake", "left alone"])
        axes.set_yticks([0, 1], ["fake", "genuine"])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    return draw


def roc(data: dict[str, Any]) -> Draw:
    """The ROC curve with the operating points."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1)
        across, up = np.array(data["alarms"]) / data["genuine"], np.array(data["found"]) / data["fakes"]
        axes.plot(across, up, color=GENUINE)
        _mark(axes, data, across, up)
        unit_axes(axes, "Genuine reviews called fake", "Fakes found")
        axes.legend(loc="lower right")

    return draw


def recall(data: dict[str, Any]) -> Draw:
    """Precision against recall, with the operating points; the faint line is that of calling everything fake."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        found, alarms = np.array(data["found"]), np.array(data["alarms"])
        called = found + alarms
        axes.axhline(data["fakes"] / (data["fakes"] + data["genuine"]), color=RULE, linewidth=1)
        across, up = found / data["fakes"], np.where(called > 0, found / np.maximum(called, 1), np.nan)
        axes.plot(across, up, color=GENUINE)
        _mark(axes, data, across, up)
        unit_axes(axes, "Recall", "Precision")
        axes.legend(loc="lower left")

    return draw


def reliability(data: dict[str, Any]) -> Draw:
    """The share that is fake by fake probability, with intervals, over how many reviews there are."""

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        count, said, fake, low, high = (
            np.array(data["bins"][name]) for name in ("count", "said", "fake", "low", "high")
        )
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--")
        above.vlines(said, low, high, color=GENUINE, linewidth=1.2)
        above.plot(said, fake, "o", color=GENUINE, markersize=4)
        unit_axes(above, "", "Share that is fake")
        below.bar(said, count, width=0.03, color=SOFT)
        below.set(xlabel="Fake probability", ylabel="Reviews")

    return draw


def histogram(data: dict[str, Any]) -> Draw:
    """How sure it is: reviews of each class by their fake probability, with the entry's threshold."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        fake, genuine = np.array(data["histogram"]["fake"]), np.array(data["histogram"]["genuine"])
        edges = np.arange(len(fake)) / len(fake)
        width = 0.9 / len(fake)
        axes.bar(edges, fake, width, align="edge", color=FAKE, label="fake (up)")
        axes.bar(edges, -genuine, width, align="edge", color=GENUINE, label="genuine (down)")
        axes.axvline(data["threshold"][data["own"]], color=INK, linewidth=1, linestyle="--", label="threshold")
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.set(xlabel="Fake probability", ylabel="Reviews", xlim=(-0.01, 1.01))
        axes.legend()

    return draw


def thresholds(data: dict[str, Any]) -> Draw:
    """Recall and false alarms by threshold with 95 % intervals, related reviews counted as what they are."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        cut, quantile = np.array(data["threshold"]), np.asarray(stats.norm.ppf((1 + CONFIDENCE) / 2))
        lines = (
            ("found", "fakes", "fakesAlone", FAKE, "-", "fakes found"),
            ("alarms", "genuine", "genuineAlone", GENUINE, "--", "genuine reviews called fake"),
        )
        for part, whole, alone, colour, dash, title in lines:
            share = np.array(data[part]) / data[whole]
            low, high = wilson(share, np.array(data[alone]), quantile)
            axes.fill_between(cut, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(cut, share, color=colour, linestyle=dash, label=title)
        axes.axvline(cut[data["own"]], color=INK, linewidth=1, linestyle=":", label="the entry's threshold")
        unit_axes(axes, "Threshold", "Share of the class")
        axes.legend(loc="best")

    return draw


def _mark(axes: Axes, data: dict[str, Any], across: np.ndarray, up: np.ndarray) -> None:
    """The entry's own threshold, and those of limits of false alarms."""
    axes.plot(across[data["own"]], up[data["own"]], "D", color=INK, markersize=6, label="the entry's threshold")
    for number, limit in enumerate(data["limits"]):
        at, name = limit["at"], f"at most {100 * limit['fpr']:g} % false alarms"
        axes.plot(across[at], up[at], "^v"[number], color=SERIES[3 + number], markersize=6, label=name)
