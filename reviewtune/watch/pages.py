"""The pages of the live view: a frame around the board with a panel above it, written anew every few seconds."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reviewtune.durations import duration
from reviewtune.progress_note import FamilyNote
from reviewtune.storage.place import shown
from reviewtune.watch.status import StudyStatus

BOARD = "leaderboard.html"
FAST, SLOW = 2, 10
"""Seconds between two looks: while a study runs, and while none does."""


def live_page(results_dir: Path, studies: list[StudyStatus]) -> str:
    """The whole page."""
    return _render("page.html.jinja", studies, results_dir=shown(results_dir))


def panel(studies: list[StudyStatus]) -> str:
    """The part of it that changes, as HTML."""
    return _render("panel.html.jinja", studies)


def no_board(results_dir: Path) -> str:
    """What stands in the board's place before there is one."""
    return _render("no_board.html.jinja", [], results_dir=shown(results_dir))


def pause(studies: list[StudyStatus]) -> int:
    """Seconds after which to look again."""
    return FAST if any(study.runs for study in studies) else SLOW


def _render(name: str, studies: list[StudyStatus], **told: Any) -> str:
    environment = Environment(
        loader=PackageLoader("reviewtune.watch", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "trials": _trials, "phase": _phase, "rate": _rate}
    return environment.get_template(name).render(studies=studies, pause=pause(studies), **told) + "\n"


def _trials(family: FamilyNote) -> str:
    """`12 of 32: 10 finished, 1 stopped, 1 failed`."""
    if not family.num_trials:
        return ""
    ended = {status: count for status, count in family.trials.items() if status != "running"}
    listed = ", ".join(f"{count} {status}" for status, count in sorted(ended.items(), key=lambda one: -one[1]))
    return f"{sum(ended.values())} of {family.num_trials}" + (f": {listed}" if listed else "")


def _phase(family: FamilyNote, *, runs: bool) -> str:
    """What is being done, how far it is, and, while it runs, how long it takes."""
    said = family.state
    if family.done is not None and family.total:
        said += f", {family.done / family.total:.0%}"
    return said + (f", {duration(family.seconds_left)} left" if runs and family.seconds_left is not None else "")


def _rate(family: FamilyNote) -> str:
    return f"{family.reviews_per_second:,.0f}" if family.reviews_per_second is not None else ""
