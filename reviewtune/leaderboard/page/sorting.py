"""What a click on a column's head sorts by, and the columns of sources elsewhere."""

import re
from collections.abc import Callable
from functools import partial
from itertools import islice

from reviewtune.leaderboard.board import Group
from reviewtune.leaderboard.cells import LONG_NAME, NOTHING
from reviewtune.leaderboard.columns import Column
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.side_tables import transfer_titles

MOST_TRANSFERS = 3
"""Sources elsewhere that have a column of the page; all of them have one in the table under it."""
LOW_FIRST = {"rank", "fit", "ece", "family", "encoder", "tie", "study", "point"}
"""Keys of columns whose lowest value is the most interesting; the others begin with the highest."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TIES = {"best": 0, "ahead": 1, "tied": 2, "behind": 3}
EXACT: dict[str, Callable[[Entry], float | None]] = {
    "f1": lambda entry: entry.test.f1 if entry.test else None,
    "fit": lambda entry: entry.cost.fit_seconds if entry.cost else None,
    "rate": lambda entry: entry.cost.reviews_per_second if entry.cost else None,
    "unseen": lambda entry: entry.unseen.f1 if entry.unseen else None,
    "selection": lambda entry: entry.selection.f1 if entry.selection else None,
    "validation": lambda entry: entry.validation.f1 if entry.validation else None,
    "rank": lambda entry: entry.rank,
}
"""Of columns whose text is rounded or has a unit."""


def sort_value(column: Column, entry: Entry) -> str:
    """A number for columns that are numeric, otherwise a text; empty where there is nothing, which is sorted last."""
    if column.key in EXACT:
        value = EXACT[column.key](entry)
        return "" if value is None else repr(value)
    text = column.text(entry)
    if text == NOTHING:
        return ""
    if column.key == "tie":
        return str(TIES.get(text, 9))
    if not column.numeric:
        return text
    found = _NUMBER.search(text.replace(",", ""))
    return found.group() if found else ""


def transfer_columns(group: Group) -> list[Column]:
    """F1 (of one class what it tells) on each of the first sources that entries were scored on."""
    titles = transfer_titles(group)
    return [
        Column(
            f"transfer-{number}",
            f"On {name if len(name) <= LONG_NAME else name[: LONG_NAME - 1] + '…'}",
            f"F1 at the entry's own threshold on the reviews of {name}, which nothing was trained on or chosen by.",
            partial(_elsewhere, key),
            2,
        )
        for number, (key, name) in enumerate(islice(titles.items(), MOST_TRANSFERS), start=1)
    ]


def _elsewhere(key: tuple[str, str], entry: Entry) -> str:
    row = next((row for row in entry.transfer if (row.name, row.data_sha256) == key), None)
    if row is None:
        return NOTHING
    if row.f1 is not None:
        return f"{row.f1:.3f}"
    return f"FPR {100 * row.fpr:.1f} %" if row.fpr is not None else f"recall {row.recall:.3f}"
