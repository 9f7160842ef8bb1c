"""Reviews of several sources: each read by itself, each with its share of every split and fold."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data.assignment import assign_units, strata_of
from reviewtune.data.folds import make_folds
from reviewtune.data.reviews import load_reviews, read_reviews, reviews_in_store
from reviewtune.data.splits import make_split
from reviewtune.data.store import Store
from reviewtune.errors import DataError, UsageError
from reviewtune.schema import FAKE, GROUP, ROW, SOURCE, SPLIT, TEXT

Row = tuple[str, ...]


def write(path: Path, columns: str, rows: list[Row]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
    return str(path)


def distinct(count: int, fake: str, genuine: str, about: str) -> list[Row]:
    """Alternately fake and genuine, no two alike."""
    return [
        (f"{about} {number} {7 * number} {number * number}", (fake, genuine)[number % 2]) for number in range(count)
    ]


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return write(tmp_path / "shop.csv", "text,label", distinct(100, "CG", "OR", "kettle"))


@pytest.fixture
def hotels(tmp_path: Path) -> str:
    return write(tmp_path / "hotels.csv", "review,label", distinct(40, "1", "0", "room"))


def test_each_source_is_understood_by_itself(shop: str, hotels: str) -> None:
    found = load_reviews([shop, f"rooms={hotels}:1"])
    rows = found.table.to_pylist()
    assert Counter((row[SOURCE], row[FAKE]) for row in rows) == {
        ("shop", True): 50, ("shop", False): 50, ("rooms", True): 20, ("rooms", False): 20
    }  # fmt: skip
    assert found.name == "shop+rooms"
    assert found.report.lines()[-2:] == [
        "source 'rooms': 20 fake, 20 genuine", "source 'shop': 50 fake, 50 genuine"
    ]  # fmt: skip
    (third,) = [row for row in rows if row[TEXT].startswith("room 2 ")]
    assert (third[ROW], third[FAKE]) == (2, True)


def test_flags_count_where_they_fit(shop: str, hotels: str) -> None:
    found = load_reviews([shop, f"rooms={hotels}"], text_column="review", fake_label="1")
    assert found.report.fake == 70


def test_what_is_not_clear_is_said_of_its_source(shop: str, hotels: str) -> None:
    with pytest.raises(DataError, match=r"^rooms: which label of 'label' means fake is not known: found '1' \(20\)"):
        load_reviews([shop, f"rooms={hotels}"])
    with pytest.raises(DataError, match=r"^rooms: --fake-label 'CG' is no label of 'label'"):
        load_reviews([shop, f"rooms={hotels}:CG"])
    with pytest.raises(UsageError, match="two of --data are called shop"):
        load_reviews([shop, f"shop={hotels}"])


def test_a_column_may_name_the_sources(tmp_path: Path, shop: str) -> None:
    rows = [
        (text, label, ("en", "de", "")[number % 3])
        for number, (text, label) in enumerate(distinct(30, "CG", "OR", "b"))
    ]
    found = load_reviews([write(tmp_path / "b.csv", "text,label,Language", rows), shop], source_column="language")
    assert Counter(found.table[SOURCE].to_pylist()) == {"en": 10, "de": 10, "b": 10, "shop": 100}
    with pytest.raises(DataError, match=r"there is no column 'year': --source-column must be one of"):
        load_reviews(shop, source_column="year")


def test_a_source_of_one_class_is_taken_and_told(tmp_path: Path, shop: str) -> None:
    rows = [(text, "CG") for text, _ in distinct(10, "CG", "OR", "lamp")]
    found = load_reviews([shop, write(tmp_path / "lamps.csv", "text,label", rows)])
    assert found.report.lines()[-1] == (
        "one class: source 'lamps' has no genuine review; a model can learn to tell the sources apart instead of fake "
        "from genuine, and no score here would show it"
    )


def test_a_text_of_two_sources_is_one_review_with_the_groups_of_both(tmp_path: Path) -> None:
    ones = write(tmp_path / "one.csv", "text,label,who", [("same", "CG", "ann"), ("other", "OR", "bob")])
    twos = write(tmp_path / "two.csv", "text,label,who", [("same", "CG", "eve"), ("third", "OR", "bob")])
    for order in ([twos, ones], [ones, twos]):
        (row,) = [row for row in load_reviews(order, group_column="who").table.to_pylist() if row[TEXT] == "same"]
        assert (row[SOURCE], row[GROUP]) == ("one", ["ann", "eve"])


def test_the_key_of_several_sources_depends_on_which_is_which(shop: str, hotels: str, tmp_path: Path) -> None:
    one = load_reviews([shop, f"{hotels}:1"])
    assert load_reviews([f"{hotels}:1", shop]).sha256 == one.sha256
    assert load_reviews([shop, f"inns={hotels}:1"]).sha256 != one.sha256
    assert load_reviews(f"any={shop}").sha256 == load_reviews(shop).sha256
    assert read_reviews(reviews_in_store(one, Store(tmp_path))) == one


def test_every_split_and_fold_has_its_share_of_every_source(shop: str, hotels: str) -> None:
    reviews = load_reviews([shop, f"{hotels}:1"])
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    sources = reviews.table[SOURCE].to_pylist()
    split = make_split(reviews, validation_size=0.1, test_size=0.2)
    counts = Counter(zip(split.table[SPLIT].to_pylist(), sources, fake.tolist(), strict=True))
    for source, size in (("shop", 50), ("hotels", 20)):
        for label in (True, False):
            assert counts["validation", source, label] == size * 0.1
            assert counts["test", source, label] == size * 0.2
    fold_of, folds = make_folds(np.arange(140), fake, folds=5, seed=0, sources=sources)
    assert folds == 5
    assert set(Counter(zip(fold_of.tolist(), sources, fake.tolist(), strict=True)).values()) == {10, 4}


def test_strata_are_classes_within_sources_and_one_source_is_none() -> None:
    fake = np.array([True, False, True])
    np.testing.assert_array_equal(strata_of(fake, ["a", "a", "a"]), [1, 0, 1])
    np.testing.assert_array_equal(strata_of(fake, ["b", "a", "a"]), [3, 0, 1])


def test_a_stratum_too_small_for_a_share_goes_where_most_is_wanted() -> None:
    strata = np.array([0] * 100 + [1] * 100 + [2])
    targets = np.array([[80, 80, 1], [20, 20, 0]])
    split_of = assign_units(np.arange(201), strata, targets, seed=3)
    assert split_of[-1] == 0


def test_a_group_is_the_same_whether_its_column_has_gaps_or_not(tmp_path: Path) -> None:
    """A column of whole numbers with a gap is one of floats to pandas, and 12.0 in its csv."""
    rows = distinct(40, "1", "0", "kettle")
    may = write(tmp_path / "may.csv", "text,label,user", [(*row, str(number)) for number, row in enumerate(rows)])
    june = [(*row, f"{number}.0" if number else "") for number, row in enumerate(distinct(40, "1", "0", "room"))]
    floats = pa.table(
        {
            "text": [row[0] for row in june],
            "label": [row[1] for row in june],
            "user": [float(row[2]) if row[2] else None for row in june],
        }
    )
    parquet.write_table(floats, tmp_path / "june.parquet")
    for other in (write(tmp_path / "june.csv", "text,label,user", june), str(tmp_path / "june.parquet")):
        found = load_reviews([may, f"other={other}"], fake_label="1", group_column="user")
        groups = Counter(group for row in found.table.to_pylist() for group in row[GROUP] or ())
        assert groups == {**{str(number): 2 for number in range(1, 40)}, "0": 1}
