"""The board as a flat table: one row an entry, one column a value."""

import json
from typing import Any

import pandas as pd
from pydantic import BaseModel

from reviewtune.leaderboard.board import Board
from reviewtune.leaderboard.entry import Cost, Entry, Provenance
from reviewtune.leaderboard.scores import Comparison, Gain, Selection, TestScores, Unseen, ValidationScores

SECTIONS: dict[str, type[BaseModel]] = {
    "validation": ValidationScores,
    "selection": Selection,
    "gain": Gain,
    "test": TestScores,
    "unseen": Unseen,
    "versus_first": Comparison,
    "cost": Cost,
    "provenance": Provenance,
}
DTYPES = {
    int: "Int64",
    int | None: "Int64",
    float: "Float64",
    float | None: "Float64",
    bool: "boolean",
    bool | None: "boolean",
}
"""Nullable, so that an entry without a value keeps its column's type; every other column holds str."""


def as_frame(board: Board) -> pd.DataFrame:
    """The entries in the board's order; the columns are always the same, whatever the entries lack.

    A section's field becomes a column such as `test_f1` or `cost_fit_seconds`. What has parts or is a list, as
    `params`, `transfer`, `unseen_sources` and `provenance_versions`, is JSON; the trials are left out.

    Examples:
        >>> from pathlib import Path
        >>> from reviewtune.leaderboard.board import collect
        >>> from reviewtune.testing.made_entries import made_results
        >>> results = made_results(Path("results"), {"svm": (90, 10, 10, 90), "rules": (60, 40, 40, 60)})
        >>> as_frame(collect(results))[["rank", "family", "test_f1", "cost_fit_seconds"]]
           rank family  test_f1  cost_fit_seconds
        0     1    svm      0.9               1.5
        1     2  rules      0.6               1.5
    """
    types = _column_types()
    rows = pd.DataFrame([_row(entry) for entry in board.entries], columns=list(types), dtype=object)
    return rows.astype({name: DTYPES.get(kind, "string") for name, kind in types.items()})


def _column_types() -> dict[str, Any]:
    """Each column's Python type, in order."""
    types: dict[str, Any] = {}
    for name, field in Entry.model_fields.items():
        if name in SECTIONS:
            types |= {f"{name}_{part}": inner.annotation for part, inner in SECTIONS[name].model_fields.items()}
        elif name != "trials":
            types[name] = field.annotation
    return types


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in entry.model_dump(mode="json").items():
        if name in SECTIONS:
            row |= {f"{name}_{part}": _cell(inner) for part, inner in (value or {}).items()}
        elif name != "trials":
            row[name] = _cell(value)
    return row


def _cell(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
