"""No group straddles two splits, whatever texts it shares with others: counted over the rows of the source."""

import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from reviewtune.data.reviews import Reviews, load_reviews
from reviewtune.data.splits import Split, make_split
from reviewtune.data.texts import normalise
from reviewtune.schema import GROUP, SPLIT, SPLITS, TEXT

Row = tuple[str, str, str | None]


def load(folder: Path, rows: list[Row], name: str = "a.parquet") -> Reviews:
    texts, labels, groups = (pa.array(list(values), pa.string()) for values in zip(*rows, strict=True))
    parquet.write_table(pa.table({"text": texts, "label": labels, "who": groups}), folder / name)
    return load_reviews(str(folder / name), group_column="who")


def splits_of_groups(rows: list[Row], reviews: Reviews, split: Split) -> dict[str, set[str]]:
    """By group, the splits in which its rows of the source are, copies too. What was dropped is in none."""
    split_of = dict(zip(reviews.table[TEXT].to_pylist(), split.table[SPLIT].to_pylist(), strict=True))
    found: dict[str, set[str]] = {}
    for text, _, group in rows:
        if group is not None and normalise(text) in split_of:
            found.setdefault(group, set()).add(split_of[normalise(text)])
    return found


@st.composite
def with_copies(draw: st.DrawFn) -> list[Row]:
    """Distinct reviews, a few by authors, and copies of them by other authors, some with white space around."""
    rows: list[Row] = [(f"a{i} b{i} c{i} d{i}", ("fake", "real")[i % 2], None) for i in range(80)]
    authors = st.none() | st.sampled_from("pqrstuvw")
    for row in draw(st.lists(st.integers(0, 79), max_size=12)):
        rows[row] = (*rows[row][:2], draw(authors))
    for row, space, label in draw(
        st.lists(
            st.tuples(st.integers(0, 79), st.sampled_from(["", " ", "\r\n"]), st.sampled_from(["", "", "", "fake"]))
        )
    ):
        rows.append((rows[row][0] + space, label or rows[row][1], draw(authors)))
    return draw(st.permutations(rows))


@settings(max_examples=40, deadline=None)
@given(with_copies(), st.randoms(), st.integers(0, 3))
def test_no_group_has_rows_in_two_splits_whatever_copies_there_are(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], shuffler: random.Random, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    reviews = load(folder, rows)
    split = make_split(reviews, seed=seed, validation_size=0.15)
    straddling = {group for group, names in splits_of_groups(rows, reviews, split).items() if len(names) > 1}
    assert straddling == set()
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    again = load(folder, shuffled, "b.parquet")
    assert again.sha256 == reviews.sha256
    assert make_split(again, seed=seed, validation_size=0.15).table.equals(split.table)


def test_reviewers_who_share_texts_stay_together(tmp_path: Path) -> None:
    """The example that was seen: 200 reviewers of ten reviews, fifteen of whom share a text with another one."""
    rows = [(f"a{i} b{i} c{i} d{i}", ("fake", "real")[i % 2], f"reviewer {i // 10:03}") for i in range(2000)]
    for reviewer in range(15):
        text, label, _ = rows[reviewer * 10]
        rows.append((text, label, f"reviewer {reviewer + 100:03}"))
    reviews = load(tmp_path, rows)
    split = make_split(reviews)
    assert Counter(map(len, splits_of_groups(rows, reviews, split).values())) == {1: 200}
    assert set(split.table[SPLIT].to_pylist()) == set(SPLITS)
    shared = dict(zip(reviews.table[TEXT].to_pylist(), reviews.table[GROUP].to_pylist(), strict=True))
    assert shared["a0 b0 c0 d0"] == ["reviewer 000", "reviewer 100"]
    assert shared["a1 b1 c1 d1"] == ["reviewer 000"]


def test_the_hash_changes_with_a_copys_group_and_stays_where_there_are_none(tmp_path: Path) -> None:
    rows: list[Row] = [("one text", "fake", None), ("another", "real", None)]
    assert load(tmp_path, rows).sha256 == "247c11802fd5fba57dfd786f15df1de0fc4c98356db77550ea0bc9bdb4ad3bb3"
    hashes = {load(tmp_path, [*rows, ("one text", "fake", group)]).sha256 for group in (None, "a", "b")}
    assert len(hashes) == 3
