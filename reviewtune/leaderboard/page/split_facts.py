"""What is known of a board's split: its rows, and what a plain random one would have leaked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.schema import ID, SPLIT, SPLITS, TEST


def split_facts(results_dir: Path, test_ids: NDArray[np.str_]) -> list[tuple[str, str]]:
    """Titles and values; empty where the store has no split whose test reviews are these."""
    for path in sorted((results_dir / "store" / "splits").glob("*.parquet")):
        report = _report(path, test_ids)
        if report:
            return list(_told(report))
    return []


def _report(path: Path, test_ids: NDArray[np.str_]) -> dict[str, Any]:
    """The report in a split's file; empty where its test reviews are others."""
    try:
        table = pq.read_table(path, columns=[ID, SPLIT])
        own = table.filter(pc.equal(table[SPLIT], TEST))[ID].to_numpy().astype(np.str_)
        if len(own) != len(test_ids) or not np.array_equal(np.sort(own), np.sort(test_ids)):
            return {}
        report = json.loads((table.schema.metadata or {}).get(b"reviewtune", b"{}"))["report"]
        return report if isinstance(report, dict) else {}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return {}


def _told(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        for name in SPLITS:
            rows, fake = int(report["rows"][name]), int(report["fake"][name])
            yield name.capitalize(), f"{rows:,} reviews, {100 * fake / rows:.1f} % of them fake"
        clusters, rows = int(report["near_duplicate_clusters"]), int(report["near_duplicate_rows"])
        yield "Near-duplicates", f"{rows:,} reviews in {clusters:,} clusters, each within one split"
        leaked, tests = int(report["random_leaked_rows"]), int(report["random_test_rows"])
        share = f"{leaked:,} of {tests:,} test reviews ({100 * leaked / tests:.1f} %)"
        yield "A random split", f"would have leaked {share}: a near-duplicate of theirs would have been trained on"
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return
