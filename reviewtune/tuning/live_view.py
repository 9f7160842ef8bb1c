"""What a terminal of any width shows while a study runs: a table of its families, and a bar of what is being done."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reviewtune.durations import duration
from reviewtune.evaluation.objective import Objective
from reviewtune.tuning.family_progress import FINALISTS, TUNING, UNSEEN, FamilyProgress
from reviewtune.tuning.records import epochs_text

BRIEF = 80
"""Columns under which the table leaves out how far each trial is."""
BARS = (16, 32)
"""Columns of the bar, in a narrow terminal and in a wide one."""
ENDED = ("done", "failed", "waiting")

_LISTED = {FINALISTS: ("finalists on folds, ", "folds "), UNSEEN: ("without a source, ", "unseen ")}
"""How trainings that are no longer searched are told in the table, and in a narrow one."""


def live_view(families: Mapping[str, FamilyProgress], objective: Objective, width: int) -> RenderableType:
    """The table, and under it how far what is being done is, with the time that it has left."""
    return Group(family_table(families, objective, width), *_bars(families, brief=width < BRIEF))


def family_table(families: Mapping[str, FamilyProgress], objective: Objective, width: int) -> Table:
    """A row a family."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("family", "trials", f"best {objective.title}", "default", "test F1", "time", "now"):
        table.add_column(name, justify="left" if name in ("family", "now") else "right", no_wrap=True)
    for family, progress in families.items():
        table.add_row(family, *_cells(progress, objective, brief=width < BRIEF))
    return table


def _bars(families: Mapping[str, FamilyProgress], *, brief: bool) -> list[Table]:
    """A bar for what is being done: one family at a time is at work."""
    ended = sum(progress.state in ENDED[:2] for progress in families.values())
    bars = []
    for name, progress in families.items():
        counted = progress.counted
        if progress.state in ENDED or counted is None:
            continue
        done, total = counted
        said = f"{done / total:.0%}"
        if (left := progress.seconds_left) is not None:
            said += f", {duration(left)} left"
        if not brief:
            said += f"; {ended} of {len(families)} families done"
        grid = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=total, completed=done, width=BARS[not brief])
        grid.add_row(Text(f"{name} {progress.state}"), bar, Text(said))
        bars.append(grid)
    return bars


def _cells(progress: FamilyProgress, objective: Objective, *, brief: bool) -> tuple[str, ...]:
    best, default = ("" if value is None else objective.text(value) for value in (progress.best, progress.default))
    return (
        f"{len(progress.records)}/{progress.num_trials}" if progress.num_trials else "",
        best,
        default,
        f"{progress.test_f1:.4f}" if progress.test_f1 is not None else "",
        f"{progress.so_far:.0f} s" if progress.so_far else "",
        _now(progress, brief=brief),
    )


def _now(progress: FamilyProgress, *, brief: bool) -> str:
    """What it is at, in a few words."""
    if prepared := progress.prepared:
        done, total, left = prepared
        return f"{done / total:.0%} ready" if brief else f"{done:,}/{total:,}{left}"
    if progress.state in _LISTED:
        return _LISTED[progress.state][brief] + "{}/{}".format(*progress.trained)
    if not progress.running or progress.state != TUNING:
        return progress.state
    epochs = [record.epochs[-1].epoch if record.epochs else 0 for record in progress.running.values()]
    now = f"{len(epochs)} running"
    if brief:
        return now
    if progress.rate is not None:
        return f"{now}, {progress.rate:,.0f} reviews/s"
    return f"{now}, epochs {' '.join(map(epochs_text, epochs))}" if any(epochs) else now
