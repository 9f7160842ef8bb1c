"""The page's plots: how good, what the search bought, and at what cost."""

from collections.abc import Sequence
from itertools import accumulate

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.scores import TestScores
from reviewtune.leaderboard.svg import INK, SERIES, inline_svg

WIDTH = 5.6
"""Inches of 72 px: small, so that the labels stay readable where a phone scales the figure down."""
MARKERS = "os^Dvp"
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


def interval_figure(name: str, entries: Sequence[Entry]) -> str:
    """Test F1 of each entry with its 95 % interval, over a band that marks the first entry's; `<svg>` text."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        best = _scores(entries[0])
        axes.axvspan(best.f1_low, best.f1_high, color=SERIES[0], alpha=0.12, linewidth=0)
        for row, entry in enumerate(entries):
            scores, colour = _scores(entry), SERIES[0] if entry.tied_with_best else INK
            axes.hlines(row, scores.f1_low, scores.f1_high, color=colour, linewidth=2)
            axes.plot(scores.f1, row, "o", color=colour, markersize=6)
        axes.set_yticks(range(len(entries)), [label(entry) for entry in entries])
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.tick_params(length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("Test F1")

    return inline_svg(name, "Test F1 of each entry with its interval", (WIDTH, 1.0 + 0.32 * len(entries)), draw)


def incumbent_figure(name: str, entries: Sequence[Entry]) -> str:
    """Best validation F1 so far over the trials of each entry's search; `<svg>` text."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for entry in entries:
            index = _place(entry)
            best = list(accumulate((-1.0 if trial.f1 is None else trial.f1 for trial in entry.trials), max))
            points = [(number, value) for number, value in enumerate(best, start=1) if value >= 0]
            if points:
                numbers, values = zip(*points, strict=True)
                axes.step(numbers, values, where="post", color=_colour(index), linestyle=_dashes(index), linewidth=1.8)
                axes.plot(numbers[-1], values[-1], MARKERS[index % len(MARKERS)], color=_colour(index), markersize=5)
                axes.plot(
                    [], [], MARKERS[index % len(MARKERS)], ls=_dashes(index), c=_colour(index), label=label(entry)
                )
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set(xlabel="Trials (the first is the default configuration)", ylabel="Best validation F1 so far")
        figure.legend(loc="outside upper left", ncols=2, fontsize=9, handlelength=2.5)

    height = 2.9 + 0.2 * ((len(entries) + 1) // 2)
    return inline_svg(name, "Best validation F1 so far over the trials of each search", (WIDTH, height), draw)


def cost_figure(name: str, entries: Sequence[Entry]) -> str:
    """Test F1 against what the whole search took, on a log axis; `<svg>` text."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for entry in entries:
            index = _place(entry)
            scores, seconds = _scores(entry), _search_seconds(entry)
            axes.vlines(seconds, scores.f1_low, scores.f1_high, color=_colour(index), linewidth=1.5)
            marker = MARKERS[index % len(MARKERS)]
            axes.plot(seconds, scores.f1, marker, color=_colour(index), markersize=7, label=label(entry))
        _time_axis(axes, [_search_seconds(entry) for entry in entries])
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set(xlabel="Time of all trials of the search", ylabel="Test F1")
        figure.legend(loc="outside upper left", ncols=2, fontsize=9)

    height = 2.9 + 0.2 * ((len(entries) + 1) // 2)
    return inline_svg(name, "Test F1 against the time of the search", (WIDTH, height), draw)


def label(entry: Entry) -> str:
    """A short name for a plot, told apart by its rank: `1 qlora stella_en_400M_v5`."""
    encoder = (entry.encoder or "").rstrip("/").rsplit("/", 1)[-1]
    text = " ".join(part for part in (str(entry.rank or ""), entry.family, encoder) if part)
    return text if len(text) <= 30 else f"{text[:29]}…"


def _time_axis(axes: Axes, seconds: Sequence[float]) -> None:
    # A factor of four to both sides keeps a tick within view when all searches took about as long.
    low, high = min(seconds) / 4, max(seconds) * 4
    ticks = [time for time in TIMES if low <= time <= high]
    axes.set_xticks(ticks, [TIMES[time] for time in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(low, high)


def _search_seconds(entry: Entry) -> float:
    return max(entry.cost.study_seconds, 0.01) if entry.cost else 0.01


def _scores(entry: Entry) -> TestScores:
    assert entry.test is not None, "only entries with test scores are drawn"
    return entry.test


def _place(entry: Entry) -> int:
    """By which an entry has the same colour and marker in every plot, also where a plot leaves others out."""
    return (entry.rank or 1) - 1


def _colour(index: int) -> str:
    return SERIES[index % len(SERIES)]


def _dashes(index: int) -> str:
    return ("-", "--", ":", "-.")[index // len(SERIES) % 4]
