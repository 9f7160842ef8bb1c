"""The board as Markdown: a table a split, for a README or a pull request."""

from reviewtune.leaderboard.board import Board, Group
from reviewtune.leaderboard.columns import columns_of
from reviewtune.leaderboard.remarks import remarks
from reviewtune.leaderboard.side_tables import SideTable, side_tables
from reviewtune.markup import in_markdown

EXPLANATION = (
    "Rows are ranked by what selected them: the out-of-fold F1, or the validation F1 where there is none. Test F1 is "
    "that of the fake class, with its 95 % interval. *tied*: the difference in test F1 to the first row could be "
    "chance; *behind*, *ahead*: it could not (wrong on one board in twenty at most). The test split took no part in "
    "any choice, the order included, and was opened once for each entry. An ensemble weighs the other entries of its "
    "study."
)


def markdown(board: Board) -> str:
    r"""The whole document; names from outside cannot break out of their cells.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> board = Board((Group("a" * 64, (made_entry("svm", rank=1, encoder="a|b"),)),))
        >>> table = [line for line in markdown(board).splitlines() if line.startswith("|")]
        >>> for line in table[:3]:
        ...     print(line[:32])
        | # | Family | Encoder | Test F1
        | ---: | --- | --- | ---: | ---:
        | 1 | svm | a\|b | 0.9000 | 0.68
    """
    parts = ["# Leaderboard", EXPLANATION]
    for group in board.groups:
        parts += [f"## {in_markdown(group.data)} (split {group.split_sha256[:8]})", _table(group)]
        parts += [*map(in_markdown, remarks(group)), *_failures(group)]
        for side in side_tables(group):
            parts += [f"### {side.title}", in_markdown(side.meaning), _side_table(side)]
    if not board.groups:
        parts.append("No entries yet.")
    if board.warnings:
        parts += ["## Left out", *(f"- {in_markdown(warning)}" for warning in board.warnings)]
    return "\n\n".join(parts) + "\n"


def _table(group: Group) -> str:
    columns = columns_of(group.entries)
    rows = [
        [column.title for column in columns],
        ["---:" if column.numeric else "---" for column in columns],
        *([in_markdown(column.text(entry)) for column in columns] for entry in group.entries),
    ]
    return _lines(rows)


def _side_table(side: SideTable) -> str:
    aligned = ["---", *("---:" for _ in side.head[1:])]
    return _lines([list(map(in_markdown, side.head)), aligned, *(list(map(in_markdown, row)) for row in side.rows)])


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _failures(group: Group) -> list[str]:
    return [
        "- " + in_markdown(f"{entry.family} ({entry.study_id}) failed: {entry.error or 'no reason given'}")
        for entry in group.entries
        if entry.status == "failed"
    ]
