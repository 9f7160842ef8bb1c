import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reviewtune.leaderboard.page.split_facts import split_facts

REPORT = {
    "rows": {"train": 6, "validation": 2, "test": 2},
    "fake": {"train": 3, "validation": 1, "test": 1},
    "near_duplicate_clusters": 1,
    "near_duplicate_rows": 2,
    "random_leaked_rows": 1,
    "random_test_rows": 2,
}


KEY = "3c1f" + "0" * 60


@pytest.fixture
def keep(tmp_path):
    def write(name, tests, note):
        path = tmp_path / "store" / "splits" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = pa.table({"id": ["x", *tests], "split": ["train", *["test"] * len(tests)]})
        pq.write_table(rows.replace_schema_metadata({b"reviewtune": note}), path)
        return tmp_path

    return write


def test_the_split_of_these_test_reviews_is_found_and_told(keep):
    keep("a", ["q", "r"], b"{}")
    results = keep("b", ["s", "t"], json.dumps({"report": REPORT}).encode())
    facts = dict(split_facts(results, KEY, np.array(["t", "s"])))
    assert facts["Test"] == "2 reviews, 50.0 % of them fake"
    assert facts["Near-duplicates"] == "2 reviews in 1 clusters, each within one split"
    assert facts["A random split"].startswith("would have leaked 1 of 2 test reviews (50.0 %)")


def test_what_became_of_the_rows_is_told(tmp_path):
    path = tmp_path / "store" / "reviews" / "3c1f.parquet"
    path.parent.mkdir(parents=True)
    counts = dict.fromkeys(("missing_text", "empty_text", "non_text", "missing_label", "contradictory_rows"), 0)
    report = {**counts, "kept": 1200, "rows_read": 1300, "duplicates_merged": 90, "missing_label": 10}
    rows = pa.table({"id": ["q", "s", "t"]})
    pq.write_table(rows.replace_schema_metadata({b"reviewtune": json.dumps({"report": report}).encode()}), path)
    more = rows.replace_schema_metadata({b"reviewtune": json.dumps({"report": {**report, "kept": 5000}}).encode()})
    pq.write_table(more, path.with_name("1111.parquet"))
    said = "1,200 of 1,300 rows; left out: 10 without a label, 90 that repeat another, merged"
    assert split_facts(tmp_path, KEY, np.array(["t", "s"])) == [("Reviews", said)]
    assert split_facts(tmp_path, KEY, np.array(["t", "x"])) == []


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"report": 3}', b'{"report": {"rows": 1}}'])
def test_a_note_that_says_nothing_is_no_fact(keep, note):
    assert split_facts(keep("a", ["s", "t"], note), KEY, np.array(["s", "t"])) == []


def test_no_store_and_a_damaged_file_are_no_facts(tmp_path, keep):
    assert split_facts(tmp_path, KEY, np.array(["s"])) == []
    path = keep("a", ["s"], b"{}") / "store" / "splits" / "a.parquet"
    path.write_bytes(b"PAR1")
    assert split_facts(tmp_path, KEY, np.array(["s"])) == []
