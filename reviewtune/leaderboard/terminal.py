"""The board in a terminal of any width."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reviewtune.leaderboard.board import Board, Group
from reviewtune.leaderboard.cells import NOTHING
from reviewtune.leaderboard.columns import COLUMNS, Column
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.remarks import remarks
from reviewtune.leaderboard.side_tables import SideTable, side_tables
from reviewtune.markup import visible

STYLES = {
    "best": "bold green",
    "ahead": "bold green",
    "tied": "green",
    "behind": "dim",
    "failed": "red",
    NOTHING: "dim",
}


def board_table(board: Board) -> "BoardTable":
    """A rich renderable of the board: a table a split, as many of its columns as the terminal is wide, and notes."""
    return BoardTable(board)


@dataclass(frozen=True)
class BoardTable:
    """Renders a board within the width it is given."""

    board: Board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tables of the board's groups, each with what failed under it, then the warnings."""
        if not self.board.groups:
            yield Text("No entries yet: run a study first.")
        for group in self.board.groups:
            yield _fitting_table(group, console, options)
            for text in remarks(group):
                yield Text(visible(text), style="dim")
            yield from _failures(group)
            for side in side_tables(group):
                yield Text()
                yield _side_table(side)
                yield Text(visible(side.meaning), style="dim")
            yield Text()
        for warning in self.board.warnings:
            yield Text(visible(f"warning: {warning}"), style="yellow")


def _fitting_table(group: Group, console: Console, options: ConsoleOptions) -> Table:
    """The group's table without the least important columns, as many as it takes to fit."""
    columns = [column for column in COLUMNS if any(column.text(entry) != NOTHING for entry in group.entries)]
    table = _table(group, columns)
    while Measurement.get(console, options.update(width=10_000), table).maximum > options.max_width:
        least = max(columns, key=lambda column: column.importance)
        if least.importance == 0:
            break
        columns.remove(least)
        table = _table(group, columns)
    return table


def _table(group: Group, columns: list[Column]) -> Table:
    title = Text(
        visible(f"{group.data}  (split {group.split_sha256[:8]})"), style="bold", overflow="ellipsis", no_wrap=True
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify="right" if column.numeric else "left", no_wrap=True, overflow="ellipsis")
    for entry in group.entries:
        texts = [_text(column, entry) for column in columns]
        table.add_row(*(Text(text, style=STYLES.get(text, "")) for text in texts))
    return table


def _side_table(side: SideTable) -> Table:
    """A table whose cells break over lines where the terminal is narrow."""
    table = Table(title=Text(side.title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for place, title in enumerate(side.head):
        table.add_column(Text(visible(title), style="bold"), justify="right" if place else "left", overflow="fold")
    for row in side.rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def _failures(group: Group) -> Iterator[Text]:
    for entry in group.entries:
        if entry.status == "failed":
            told = f"{_label(entry)} failed: {entry.error or 'no trial ended with a score'}"
            yield Text(visible(told), style="red")


def _label(entry: Entry) -> str:
    return f"{entry.family} ({entry.study_id})"


def _text(column: Column, entry: Entry) -> str:
    # The last part of a hub id or of a folder is what tells base models apart.
    text = visible(column.text(entry))
    return text.rstrip("/").rsplit("/", 1)[-1] if column.key == "encoder" else text
