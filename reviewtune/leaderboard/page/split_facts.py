"""What is known of a board's reviews and their split: what was left out, and what a random split would have leaked."""

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

LEFT_OUT = {
    "missing_text": "without a text",
    "empty_text": "with a blank text",
    "non_text": "with a number for a text",
    "missing_label": "without a label",
    "duplicates_merged": "that repeat another, merged",
    "contradictory_rows": "whose text has both labels",
}


def split_facts(results_dir: Path, data_sha256: str, test_ids: NDArray[np.str_]) -> list[tuple[str, str]]:
    """Titles and values; empty where the store has neither these reviews nor a split of these test reviews."""
    store = results_dir / "store"
    # Named by their key: other reviews of the store may hold these test reviews too.
    own = (path for path in sorted((store / "reviews").glob("*.parquet")) if data_sha256.startswith(path.stem))
    data = (_report(path, test_ids, whole=False) for path in own)
    splits = (_report(path, test_ids, whole=True) for path in sorted((store / "splits").glob("*.parquet")))
    return [*_of_reviews(next(filter(None, data), {})), *_of_split(next(filter(None, splits), {}))]


def _report(path: Path, test_ids: NDArray[np.str_], *, whole: bool) -> dict[str, Any]:
    """The report in a file of the store; empty where it is of other reviews.

    Args:
        path: Of reviews, or of a split.
        test_ids: That it is to be of.
        whole: Whether its rows say which are of the test split, and no others may be.
    """
    try:
        table = pq.read_table(path, columns=[ID, SPLIT] if whole else [ID])
        if whole:
            table = table.filter(pc.equal(table[SPLIT], TEST))
        own = table[ID].to_numpy().astype(np.str_)
        if (whole and len(own) != len(test_ids)) or not np.isin(test_ids, own).all():
            return {}
        report = json.loads((table.schema.metadata or {}).get(b"reviewtune", b"{}"))["report"]
        return report if isinstance(report, dict) else {}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return {}


def _of_reviews(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        kept = f"{int(report['kept']):,} of {int(report['rows_read']):,} rows"
        left = [f"{int(report[name]):,} {words}" for name, words in LEFT_OUT.items() if report[name]]
        yield "Reviews", f"{kept}; left out: {', '.join(left)}" if left else kept
    except (KeyError, TypeError, ValueError):
        return


def _of_split(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
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
