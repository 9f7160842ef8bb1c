"""Splits never leak, are near the sizes asked for, and depend on content and seed alone."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from reviewtune.data import splits
from reviewtune.data.reviews import SCHEMA, Reviews, load_reviews
from reviewtune.data.splits import Split, make_split, read_split, split_in_store
from reviewtune.data.store import Store, write_parquet
from reviewtune.errors import DataError, UsageError
from reviewtune.schema import CLUSTER, FAKE, GROUP, ID, SPLIT, SPLITS, TEXT

Row = tuple[str, str, str | None]


def load(folder: Path, rows: list[Row], name: str = "a.parquet") -> Reviews:
    table = pa.table(
        {"text": [row[0] for row in rows], "label": [row[1] for row in rows], "who": [row[2] for row in rows]}
    )
    parquet.write_table(table.cast(pa.schema([(column, pa.string()) for column in table.column_names])), folder / name)
    return load_reviews(str(folder / name), group_column="who")


def distinct(count: int) -> list[Row]:
    """Reviews without a shared 3-gram, every second fake."""
    return [(f"a{i} b{i} c{i} d{i}", ("fake", "real")[i % 2], None) for i in range(count)]


def by_text(split: Split, reviews: Reviews) -> dict[str, str]:
    return dict(zip(reviews.table[TEXT].to_pylist(), split.table[SPLIT].to_pylist(), strict=True))


@st.composite
def clustered(draw: st.DrawFn) -> list[Row]:
    """Rows some of which are near-duplicates of others, some of which share a group, enough of each class."""
    rows = distinct(60)
    for base in draw(st.lists(st.integers(0, 59), max_size=15)):
        text, label, _ = rows[base]
        rows.append((f"{text} x{len(rows)}", label, None))
    members = draw(st.lists(st.tuples(st.integers(0, len(rows) - 1), st.sampled_from("pqrs")), max_size=12))
    for row, group in members:
        rows[row] = (*rows[row][:2], group)
    return rows


@settings(max_examples=40, deadline=None)
@given(clustered(), st.randoms(), st.integers(0, 5))
def test_no_cluster_and_no_group_straddles_whatever_the_order_of_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], shuffler: random.Random, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    reviews = load(folder, rows)
    split = make_split(reviews, seed=seed, validation_size=0.15)
    found = by_text(split, reviews)
    where: dict[str, set[str]] = {}
    for text, _, group in rows:
        where.setdefault(text.split()[0], set()).add(found[text])
        where.setdefault(f"group {group}" if group else text, set()).add(found[text])
    assert all(len(names) == 1 for names in where.values())
    of_cluster: dict[int, set[str]] = {}
    for cluster, name in zip(split.table[CLUSTER].to_pylist(), split.table[SPLIT].to_pylist(), strict=True):
        of_cluster.setdefault(cluster, set()).add(name)
    assert all(len(names) == 1 for names in of_cluster.values())
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    again = make_split(load(folder, shuffled, "b.parquet"), seed=seed, validation_size=0.15)
    assert again.sha256 == split.sha256
    assert again.table.equals(split.table)


@settings(max_examples=25, deadline=None)
@given(st.integers(50, 400), st.floats(0.1, 0.3), st.floats(0.1, 0.4))
def test_sizes_and_classes_are_those_asked_for_where_units_are_single_rows(
    tmp_path_factory: pytest.TempPathFactory, count: int, validation_size: float, test_size: float
) -> None:
    reviews = load(tmp_path_factory.mktemp("rows"), distinct(count))
    report = make_split(reviews, validation_size=validation_size, test_size=test_size).report
    sizes = (1 - validation_size - test_size, validation_size, test_size)
    for name, size in zip(SPLITS, sizes, strict=True):
        assert abs(report.rows[name] - size * count) <= 2
        assert abs(report.fake[name] - size * count / 2) <= 1.5
    assert report.rows == report.wanted
    assert (report.near_duplicate_clusters, report.random_leaked_rows, report.largest_unit) == (0, 0, 1)


def test_the_seed_decides_and_indices_are_positions_in_the_table(tmp_path: Path) -> None:
    reviews = load(tmp_path, distinct(100))
    split = make_split(reviews, seed=1)
    assert split.sha256 == make_split(reviews, seed=1).sha256 != make_split(reviews, seed=2).sha256
    assert len(split.sha256) == 64
    indices = split.indices(reviews)
    assert list(indices) == list(SPLITS)
    assert sorted(np.concatenate(list(indices.values())).tolist()) == list(range(100))
    found = by_text(split, reviews)
    for name, rows in indices.items():
        assert {found[text] for text in reviews.table[TEXT].take(rows).to_pylist()} == {name}
        assert rows.tolist() == sorted(rows.tolist())
    assert split.table[ID].equals(reviews.table[ID])


def test_a_split_of_other_reviews_is_refused(tmp_path: Path) -> None:
    split = make_split(load(tmp_path, distinct(100)))
    other = load(tmp_path, distinct(102), "b.parquet")
    with pytest.raises(
        DataError, match=r"holds 100 ids that are not those of the 102 reviews of b.parquet: split them anew"
    ):
        split.indices(other)


def test_the_report_tells_what_a_random_split_would_have_leaked(tmp_path: Path) -> None:
    rows = [
        row
        for i, (text, label, _) in enumerate(distinct(100))
        for row in [(text, label, None), (f"{text} z{i}", label, None)]
    ]
    report = make_split(load(tmp_path, rows)).report
    assert (report.near_duplicate_clusters, report.near_duplicate_rows, report.largest_unit) == (100, 200, 2)
    assert report.random_test_rows == 40
    # Of 199 other rows 144 are in train: about 29 of 40 test rows meet their twin there.
    leaked = report.random_leaked_rows
    assert 20 <= leaked <= 38
    assert report.lines()[:4] == [
        "train: 144 rows, 50.0% fake",
        "validation: 16 rows, 50.0% fake",
        "test: 40 rows, 50.0% fake",
        "near-duplicates: 200 rows in 100 clusters, each in one split",
    ]
    said = f"{leaked} of 40 test rows ({leaked / 40:.1%}) with a near-duplicate in train"
    assert report.lines()[4:] == [
        f"a random split would have leaked: {said}",
        (
            "few: 8 fake reviews in validation, fewer than 30: its F1 is off by about 0.10 by chance; "
            "raise --validation-size or give more fake reviews"
        ),
        (
            "few: 20 fake reviews in test, fewer than 30: its F1 is off by about 0.06 by chance; "
            "raise --test-size or give more fake reviews"
        ),
    ]


def test_two_in_a_hundred_fakes_are_said_to_leave_few_in_validation(tmp_path: Path) -> None:
    rows = [(text, "fake" if i % 50 == 0 else "real", None) for i, (text, _, _) in enumerate(distinct(1500))]
    lines = make_split(load(tmp_path, rows)).report.lines()
    assert [line.partition(",")[0] for line in lines[5:]] == [
        "few: 2 fake reviews in validation",
        "few: 6 fake reviews in test",
    ]
    turned = [(text, "real" if label == "fake" else "fake", None) for text, label, _ in rows]
    assert make_split(load(tmp_path, turned)).report.lines()[5] == (
        "few: 2 genuine reviews in validation, fewer than 30: its rate of false alarms is off by about 0.28 by chance; "
        "raise --validation-size or give more genuine reviews"
    )


def test_thirty_of_each_class_are_not_few(tmp_path: Path) -> None:
    rows = distinct(300)
    assert not any("few" in line for line in make_split(load(tmp_path, rows), validation_size=0.2).report.lines())
    lines = make_split(load(tmp_path, rows), validation_size=0.19).report.lines()
    assert [line.partition(":")[2].partition(",")[0] for line in lines if "few" in line] == [
        " 28 fake reviews in validation"
    ]


def test_a_group_too_large_for_a_split_is_assigned_and_reported(tmp_path: Path) -> None:
    rows = [(text, label, "shop" if i < 40 else None) for i, (text, label, _) in enumerate(distinct(100))]
    split = make_split(load(tmp_path, rows))
    assert split.report.largest_unit == 40
    assert split.report.lines()[-1] == (
        "the largest group or cluster holds 40 rows, more than the validation split: "
        "sizes may be off those wanted (72 train, 8 validation, 20 test)"
    )


def message(error: type[Exception], reviews: Reviews, **options: Any) -> str:
    with pytest.raises(error) as caught:
        make_split(reviews, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_too_few_rows_are_refused_with_the_arithmetic(tmp_path: Path) -> None:
    assert message(DataError, load(tmp_path, distinct(30))) == (
        "15 genuine reviews x 0.08 (validation) = 1 rows, fewer than the 2 that every split needs of each class: "
        "give at least 25 reviews of each class or raise the share"
    )
    assert make_split(load(tmp_path, distinct(50))).report.rows["validation"] == 4


def test_groups_that_leave_a_split_without_a_class_are_refused(tmp_path: Path) -> None:
    rows = [(text, label, label) for text, label, _ in distinct(100)]
    found = message(DataError, load(tmp_path, rows))
    assert "the 100 reviews form 2 units that stay together, the largest of 50 rows; choose a --group-column" in found


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"validation_size": 0.0}, "validation_size=0.0"),
        ({"test_size": -0.1}, "test_size=-0.1"),
        ({"validation_size": 0.5, "test_size": 0.5}, "their sum must be below 1"),
        ({"threshold": 0.0}, "threshold=0.0 must be above 0"),
        ({"threshold": 1.5}, "threshold=1.5 must be above 0 and at most 1"),
        ({"validation_size": float("nan")}, "validation_size=nan"),
    ],
)
def test_sizes_and_threshold_out_of_range_are_refused(tmp_path: Path, options: dict[str, float], said: str) -> None:
    assert said in message(UsageError, load(tmp_path, distinct(100)), **options)


def test_the_store_computes_a_split_once_for_each_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reviews, store = load(tmp_path, distinct(100)), Store(tmp_path)
    split, path = split_in_store(reviews, store, seed=3)
    assert path.parent == store.splits
    others = [
        {"seed": 4},
        {"seed": 3, "test_size": 0.3},
        {"seed": 3, "validation_size": 0.1},
        {"seed": 3, "threshold": 0.6},
    ]
    assert len({path, *(split_in_store(reviews, store, **other)[1] for other in others)}) == 5
    larger, _ = split_in_store(reviews, store, seed=3, test_size=0.3, validation_size=0.1)
    assert {name: len(rows) for name, rows in larger.indices(reviews).items()} == {
        "train": 60,
        "validation": 10,
        "test": 30,
    }
    monkeypatch.setattr(splits, "make_split", lambda *args, **kwargs: pytest.fail("computed again"))
    again, same_path = split_in_store(reviews, store, seed=3)
    assert same_path == path
    assert again.table.equals(split.table)
    assert (again.report, again.sha256) == (split.report, split.sha256)
    write_parquet(split.table, path, {"report": {"rows": {}}})
    with pytest.raises(DataError, match="has a report of another version: delete it"):
        read_split(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="is missing or damaged"):
        read_split(path)


def test_the_published_reviews_leak_when_split_at_random(salminen_csv: Path) -> None:
    reviews = load_reviews(str(salminen_csv))
    assert reviews.table.schema == SCHEMA
    assert reviews.table[GROUP].null_count == len(reviews.table)
    split = make_split(reviews)
    assert split.report.rows == {"train": 10_008, "validation": 1_112, "test": 2_780}
    assert split.report.near_duplicate_rows > 400
    assert split.report.random_leaked_rows > 40
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    shares = [fake[rows].mean() for rows in split.indices(reviews).values()]
    np.testing.assert_allclose(shares, fake.mean(), atol=1e-3)


def test_the_split_of_the_sample_is_that_of_every_version() -> None:
    # Another would leave a finished study's results without their split.
    reviews = load_reviews("sample")
    assert reviews.sha256 == "ff21e289cfc6b722d203d80bcef0622b1969eb0828bbb05851a06db7d70a31a0"
    assert make_split(reviews).sha256 == "a5fd2cf06fcb2c67d3f0f359d262521712cc197486f55a7624089177d6a391e3"


def test_the_split_of_published_reviews_is_that_of_every_version(salminen_csv: Path) -> None:
    reviews = load_reviews(str(salminen_csv), fake_label="CG")
    assert reviews.sha256 == "90b55d1750b2f82f7b7d4bc74bc3bca15b07d26a86a59610fbcdd3f28cac8dc6"
    assert make_split(reviews, seed=2026).sha256 == "0542efb1f34448573f0749a3c546a9fa57087b4ca4f242ccd7d3e0fe84b477fb"
