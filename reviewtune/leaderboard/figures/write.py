"""Which figures a results directory gets, and where."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.board import Board, Group
from reviewtune.leaderboard.entry import FIGURES_FOLDER, Entry
from reviewtune.leaderboard.figures import board_figures, entry_figures, search_figures
from reviewtune.leaderboard.figures.style import HEIGHT, WIDTH, Draw, write_figure
from reviewtune.leaderboard.page.budget import WEIGHED, Budget
from reviewtune.leaderboard.page.details import Details, read_details
from reviewtune.leaderboard.page.view import MOST_COMPARED
from reviewtune.storage.mirror import remove

MOST_ROWS = 30
"""Entries, the first ones, in the figure of intervals."""
OF_BOARD = ("intervals", "pareto", "searches", "roc")
OF_PREDICTIONS = ("confusion", "roc", "recall", "reliability", "histogram", "thresholds")
OF_SEARCH = ("history", "curves", "importance", "coordinates")
NAMES = frozenset({*OF_BOARD, *OF_PREDICTIONS, *OF_SEARCH})
Named = tuple[str, Draw, tuple[float, float]]


def write_figures(board: Board, results_dir: Path, *, entries: int) -> list[Path]:
    """Draw the figures of each board and of its first entries anew.

    They lie in `figures/board-SPLIT` and `figures/ENTRY`, each as PNG and SVG; those of before are removed, and nothing
    else that lies there.

    Args:
        board: What is drawn.
        results_dir: Where what lies beside the entries is read, and the figures go.
        entries: Entries of each board that get figures of their own; 0 draws none at all.

    Returns:
        The files.

    Raises:
        ArtifactError: One cannot be written.
    """
    folder = results_dir / FIGURES_FOLDER
    try:
        _remove(folder)
        return [
            path
            for group in (board.groups if entries else ())
            for place, named in _of_group(group, results_dir, entries)
            for path in write_figure(folder / place / named[0], *named[1:])
        ]
    except OSError as error:
        raise ArtifactError(f"{folder} cannot be written ({error.strerror}): make room, or make it writable") from None


def _remove(folder: Path) -> None:
    """Remove the figures in a folder, and the folders that they leave empty."""
    for path in folder.glob("*/*"):
        if path.suffix in (".png", ".svg") and path.stem in NAMES:
            remove(path)
    for path in [*folder.glob("*/"), folder]:
        with suppress(OSError):  # it holds what is somebody else's, or is not there
            path.rmdir()


def _of_group(group: Group, results_dir: Path, entries: int) -> Iterator[tuple[str, Named]]:
    scored = [entry for entry in group.entries if entry.rank is not None and entry.test]
    budget, needed = Budget.of(0), scored[: max(entries, MOST_COMPARED)]
    details = {
        entry.name: read_details(
            entry, results_dir, budget, weighed=place < min(entries, WEIGHED), texts=None, warnings=[]
        )
        for place, entry in enumerate(needed)
    }
    compared = [(entry, details[entry.name]) for entry in scored[:MOST_COMPARED]]
    for named in _comparing(scored, compared):
        yield f"board-{group.split_sha256[:8]}", named
    for entry in scored[:entries]:
        for named in _of_entry(details[entry.name]):
            yield entry.name, named


def _comparing(scored: list[Entry], compared: list[tuple[Entry, Details]]) -> Iterator[Named]:
    taller = (WIDTH, HEIGHT + 0.2 * ((len(compared) + 1) // 2))
    if scored:
        first = scored[:MOST_ROWS]
        yield "intervals", board_figures.intervals(first), (WIDTH, 0.8 + 0.26 * len(first))
    costed = [entry for entry, _ in compared if entry.cost]
    if len(costed) > 1:
        yield "pareto", board_figures.pareto(costed), taller
    if courses := [(entry, one.course) for entry, one in compared if len(one.course) > 1]:
        yield "searches", board_figures.searches(courses), taller
    if judged := [(entry, one.judged) for entry, one in compared if one.judged]:
        yield "roc", board_figures.rocs(judged), taller


def _of_entry(details: Details) -> Iterator[Named]:
    usual = (WIDTH, HEIGHT)
    if data := details.judged:
        for name in OF_PREDICTIONS:
            yield name, getattr(entry_figures, name)(data), usual
    if found := details.search:
        yield "history", search_figures.history(found), usual
        if "curves" in found:
            yield "curves", search_figures.curves(found), usual
        if "importance" in found:
            yield "importance", search_figures.importance(found), (WIDTH, 0.8 + 0.24 * len(found["importance"]))
        if "params" in found:
            wide = max(WIDTH, 0.8 * (1 + len(found["params"]["axes"])))
            yield "coordinates", search_figures.coordinates(found), (wide, HEIGHT)
