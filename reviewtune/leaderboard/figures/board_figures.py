"""Figures that compare the entries of a board: how good, what the searches bought, and at what cost."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.figures.style import DASHES, INK, MARKERS, RULE, SERIES, Draw, unit_axes
from reviewtune.leaderboard.page.view import label
from reviewtune.leaderboard.scores import TestScores

TIMES = {
    0.01: "0.01 s",
    0.1: "0.1 s",
    1: "1 s",
    10: "10 s",
    60: "1 min",
    600: "10 min",
    3600: "1 h",
    36_000: "10 h",
    360_000: "100 h",
}
"""Ticks of a time axis, in seconds: the round times of a clock and not the powers of ten."""


def intervals(entries: Sequence[Entry]) -> Draw:
    """Test F1 of each entry with its 95 % interval, over a band that marks the first entry's."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        best = _scores(entries[0])
        axes.axvspan(best.f1_low, best.f1_high, color=SERIES[0], alpha=0.12, linewidth=0)
        for row, entry in enumerate(entries):
            scores, colour = _scores(entry), SERIES[0] if entry.tied_with_best else INK
            axes.hlines(row, scores.f1_low, scores.f1_high, color=colour, linewidth=2)
            axes.plot(scores.f1, row, "o", color=colour, markersize=5)
        axes.set_yticks(range(len(entries)), [label(entry) for entry in entries])
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.tick_params(length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("Test F1")

    return draw


def searches(courses: Sequence[tuple[Entry, Sequence[tuple[int, float]]]]) -> Draw:
    """Best validation F1 so far over the trials of each entry's search, as `details.Details.course` has it."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for entry, course in courses:
            look = _look(entry)
            numbers, values = zip(*course, strict=True)
            axes.step(numbers, values, where="post", color=look["color"], linestyle=look["linestyle"])
            axes.plot(numbers[-1], values[-1], look["marker"], color=look["color"], markersize=5)
            axes.plot([], [], look["marker"], ls=look["linestyle"], c=look["color"], label=label(entry))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set(xlabel="Trials", ylabel="Best validation F1 so far")
        figure.legend(loc="outside lower center", ncols=2, handlelength=2.5)

    return draw


def pareto(entries: Sequence[Entry]) -> Draw:
    """Test F1 against what the whole search took, on a log axis, with the entries that none beats for less joined."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for entry in entries:
            scores, seconds, look = _scores(entry), _search_seconds(entry), _look(entry)
            axes.vlines(seconds, scores.f1_low, scores.f1_high, color=look["color"], linewidth=1.2)
            axes.plot(seconds, scores.f1, look["marker"], color=look["color"], markersize=6, label=label(entry))
        best, front = -1.0, list[tuple[float, float]]()
        for seconds, score in sorted(((_search_seconds(each), _scores(each).f1) for each in entries), key=_cheap_first):
            if score > best:
                best = score
                front.append((seconds, score))
        axes.step(
            *zip(*front, strict=True), where="post", color=INK, linewidth=0.8, linestyle="--", label="Pareto front"
        )
        _time_axis(axes, [_search_seconds(entry) for entry in entries])
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set(xlabel="Time of all trials of the search", ylabel="Test F1")
        figure.legend(loc="outside lower center", ncols=2)

    return draw


def rocs(judged: Sequence[tuple[Entry, dict[str, Any]]]) -> Draw:
    """ROC curves of several entries, as `judged.curves` has them, with each one's own threshold."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=RULE, linewidth=1)
        for entry, data in judged:
            look = _look(entry)
            across = [alarms / data["genuine"] for alarms in data["alarms"]]
            up = [found / data["fakes"] for found in data["found"]]
            axes.plot(across, up, color=look["color"], linestyle=look["linestyle"], label=label(entry))
            axes.plot(across[data["own"]], up[data["own"]], look["marker"], color=look["color"], markersize=6)
        unit_axes(axes, "Genuine reviews called fake", "Fakes found")
        figure.legend(loc="outside lower center", ncols=2, handlelength=2.5)

    return draw


def _time_axis(axes: Axes, seconds: Sequence[float]) -> None:
    # A factor of four to both sides keeps a tick within view when all searches took about as long.
    low, high = min(seconds) / 4, max(seconds) * 4
    ticks = [time for time in TIMES if low <= time <= high]
    axes.set_xticks(ticks, [TIMES[time] for time in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(low, high)


def _cheap_first(point: tuple[float, float]) -> tuple[float, float]:
    return point[0], -point[1]


def _search_seconds(entry: Entry) -> float:
    return max(entry.cost.study_seconds, 0.01) if entry.cost else 0.01


def _scores(entry: Entry) -> TestScores:
    assert entry.test is not None, "only entries with test scores are drawn"
    return entry.test


def _look(entry: Entry) -> dict[str, Any]:
    """By which an entry looks the same in every figure, also where one leaves others out."""
    place = (entry.rank or 1) - 1
    count = len(SERIES)
    return {
        "color": SERIES[place % count],
        "marker": MARKERS[(place + place // count) % count],
        "linestyle": DASHES[place // count % len(DASHES)],
    }
