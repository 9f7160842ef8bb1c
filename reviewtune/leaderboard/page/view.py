"""The page's boards as its template takes them: columns, whiskers, what compares entries, and each one's details."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewtune.leaderboard.board import Board, Group
from reviewtune.leaderboard.cells import tie_text
from reviewtune.leaderboard.columns import Column, columns_of
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.page.budget import WEIGHED, Budget
from reviewtune.leaderboard.page.details import Details, read_details
from reviewtune.leaderboard.page.sorting import transfer_columns
from reviewtune.leaderboard.page.split_facts import split_facts
from reviewtune.leaderboard.page.words import Texts
from reviewtune.leaderboard.parts import Parts, parts_of
from reviewtune.leaderboard.remarks import remarks
from reviewtune.leaderboard.side_tables import SideTable, side_tables
from reviewtune.markup import visible

DRAWN = {"interval", "study"}
"""Keys of columns that the page shows beside the F1 and under the family."""
FOLDED = {"default", "gain", "precision", "recall", "roc_auc", "found", "validation", "ece", "trials"}
"""Keys of columns that it shows among an entry's scores: its table is to fit a screen."""
MOST_COMPARED = 6
"""Entries, the first ones, in figures that have a line for each."""


@dataclass(frozen=True)
class Whisker:
    """A test F1 with its interval as places on a bar, in percent of the bar's width."""

    low: float
    point: float
    high: float


@dataclass(frozen=True)
class EntryView:
    """An entry and what is shown of it.

    Attributes:
        anchor: Its id on the page.
        entry: The entry.
        details: What lies beside it; None where the page is of a board alone.
        parts: Its scores on parts of the test split.
    """

    anchor: str
    entry: Entry
    details: Details | None
    parts: Parts | None

    @property
    def data(self) -> str | None:
        """JSON for the page's script; None where there is nothing to draw."""
        if self.details is None or (self.details.judged is None and self.details.search is None):
            return None
        return in_page(self.details.data)


@dataclass(frozen=True)
class GroupView:
    """A board and what is shown of it; `columns` and `folded` are those of its table and of its entries' scores."""

    name: str
    group: Group
    columns: list[Column]
    folded: list[Column]
    entries: list[EntryView]
    whiskers: dict[str, Whisker]
    reviews: tuple[int, int] | None
    remarks: list[str]
    sides: list[SideTable]
    compared: str | None
    drawings: dict[str, bool]
    split: list[tuple[str, str]]

    @property
    def best(self) -> Entry | None:
        """The first, where it has scores."""
        return next((view.entry for view in self.entries if view.entry.rank is not None), None)

    def such(self, tie: str) -> list[Entry]:
        """The entries whose comparison with the first came out so."""
        return [view.entry for view in self.entries[1:] if view.entry.rank and tie_text(view.entry) == tie]


def views(board: Board, results_dir: Path | None, *, with_texts: bool, warnings: list[str]) -> list[GroupView]:
    """The boards of a page; of a board alone, without a results directory, with no more than it says itself."""
    columns = [column for column in columns_of(board.entries) if column.key not in DRAWN]
    budget = Budget.of(len(board.entries))
    texts = Texts(results_dir) if with_texts and results_dir else None
    found = []
    for number, group in enumerate(board.groups, start=1):
        entries = [
            EntryView(
                anchor=f"entry-{number}-{place}",
                entry=entry,
                details=read_details(
                    entry, results_dir, budget, weighed=place <= WEIGHED, texts=texts, warnings=warnings
                )
                if results_dir
                else None,
                parts=parts_of(board.slices.get(entry.name), budget.slices),
            )
            for place, entry in enumerate(group.entries, start=1)
        ]
        found.append(_view(f"split-{number}", group, columns, entries, results_dir))
    return found


def _view(
    name: str, group: Group, columns: Sequence[Column], entries: list[EntryView], results_dir: Path | None
) -> GroupView:
    scored = [view for view in entries if view.entry.rank is not None]
    compared = [_compared(view) for view in scored]
    predictions = next((view.details.predictions for view in scored if view.details and view.details.predictions), None)
    shown = [column for column in columns if column.key not in FOLDED]
    return GroupView(
        name=name,
        group=group,
        columns=[*shown, *transfer_columns(group)],
        folded=[column for column in columns if column.key in FOLDED],
        entries=entries,
        whiskers=_whiskers(view.entry for view in scored),
        reviews=_reviews(scored),
        remarks=remarks(group),
        sides=side_tables(group),
        compared=in_page(compared) if len(compared) > 1 else None,
        drawings={
            "pareto": sum("study" in one for one in compared) > 1,
            "searches": any("course" in one for one in compared),
            "rocs": sum("curve" in one for one in compared) > 1,
        },
        split=(
            split_facts(results_dir, group.newest.provenance.data_sha256, predictions.ids)
            if results_dir and predictions
            else []
        ),
    )


def _compared(view: EntryView) -> dict[str, Any]:
    """What figures that compare entries take of one."""
    entry, details, test = view.entry, view.details, view.entry.test
    assert test is not None, "only entries with test scores are compared"
    place = (entry.rank or 1) - 1
    told: dict[str, Any] = {"id": view.anchor, "label": label(entry), "place": place}
    told |= {"f1": round(test.f1, 4), "low": round(test.f1_low, 4), "high": round(test.f1_high, 4)}
    if entry.cost:
        told["study"] = float(f"{max(entry.cost.study_seconds, 0.01):.4g}")
        told["memory"] = float(f"{entry.cost.peak_memory_bytes / 2**30:.3g}")
        told["labelling"] = float(f"{1000 / max(entry.cost.reviews_per_second, 1e-9):.3g}")
    if details and place < MOST_COMPARED:
        if details.judged:
            told["curve"] = 1
        if len(details.course) > 1:
            told["course"] = details.course
    return told


def label(entry: Entry) -> str:
    """A short name, told apart by its rank: `1 qlora stella_en_400M_v5`."""
    encoder = (entry.encoder or "").rstrip("/").rsplit("/", 1)[-1]
    text = visible(" ".join(part for part in (str(entry.rank or ""), entry.family, encoder) if part))
    return text if len(text) <= 30 else f"{text[:29]}…"


def in_page(data: Any) -> str:
    """JSON that stands in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _reviews(scored: Sequence[EntryView]) -> tuple[int, int] | None:
    """Test reviews and how many of them are fake."""
    test = scored[0].entry.test if scored else None
    if test is None:
        return None
    fakes = test.true_positives + test.false_negatives
    return fakes + test.false_positives + test.true_negatives, fakes


def _whiskers(scored: Iterable[Entry]) -> dict[str, Whisker]:
    """The bar of each entry, by name, all on the scale from the lowest to the highest end of the group's intervals."""
    tests = {entry.name: entry.test for entry in scored if entry.test is not None}
    if not tests:
        return {}
    low = min(test.f1_low for test in tests.values())
    width = max(max(test.f1_high for test in tests.values()) - low, 1e-9)

    def place(value: float) -> float:
        return round(4 + 92 * (value - low) / width, 1)

    return {name: Whisker(place(test.f1_low), place(test.f1), place(test.f1_high)) for name, test in tests.items()}
