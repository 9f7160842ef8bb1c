"""Every row of a source is kept or accounted for, and content does not depend on the order of the rows."""

import hashlib
import io
import json
import random
import sys
import time
import unicodedata
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from reviewtune.data.merging import merge
from reviewtune.data.reviews import SCHEMA, Reviews, load_reviews, load_texts, read_reviews, reviews_in_store
from reviewtune.data.store import Store, write_parquet
from reviewtune.data.texts import is_number, normalise
from reviewtune.errors import DataError
from reviewtune.schema import CATEGORY, FAKE, GROUP, ID, LANGUAGE, RATING, ROW, SOURCE, TEXT

ROWS: list[dict[str, Any]] = [
    {"text": "  Lovely\r\nthing ", "label": "CG", "author": "z", "category": "Home", "stars": 5, "lang": "en"},
    {"text": "Lovely\nthing", "label": "CG", "author": "a", "category": "Toys", "stars": 1},
    {"text": "Cafe\u0301", "label": "OR", "author": None, "category": "", "stars": None},
    {"text": "both", "label": "OR", "author": "b", "category": None, "stars": 2},
    {"text": "both\0", "label": "CG", "author": "b", "category": None, "stars": 2},
    {"text": "both", "label": "CG", "author": "b", "category": None, "stars": 2},
    {"text": None, "label": "CG", "author": "b", "category": None, "stars": 2},
    {"text": " \r\n", "label": "CG", "author": "b", "category": None, "stars": 2},
    {"text": " 4.5 ", "label": "CG", "author": "b", "category": None, "stars": 2},
    {"text": "no label", "label": None, "author": "b", "category": None, "stars": 2},
]


def jsonl(folder: Path, rows: list[dict[str, Any]], name: str = "reviews.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def message(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(DataError) as caught:
        load_reviews(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def reviews(tmp_path: Path) -> Reviews:
    return load_reviews(jsonl(tmp_path, ROWS), group_column="author")


def test_rows_are_normalised_merged_and_typed(reviews: Reviews) -> None:
    assert reviews.table.schema == SCHEMA
    rows = {row[TEXT]: row for row in reviews.table.to_pylist()}
    assert set(rows) == {"Lovely\nthing", "Caf\u00e9"}
    assert rows["Lovely\nthing"] == {
        ID: hashlib.sha256(b"Lovely\nthing").hexdigest()[:16],
        TEXT: "Lovely\nthing",
        FAKE: True,
        GROUP: ["a", "z"],
        CATEGORY: "Home",
        RATING: 5.0,
        LANGUAGE: "en",
        ROW: 0,
        SOURCE: "reviews",
    }
    assert rows["Caf\u00e9"][GROUP] is None
    assert rows["Caf\u00e9"][CATEGORY] is None
    assert rows["Caf\u00e9"][RATING] is None
    assert reviews.name == "reviews.jsonl"


def test_the_report_accounts_for_every_row(reviews: Reviews) -> None:
    assert asdict(reviews.report) == {
        "rows_read": 10,
        "missing_text": 1,
        "empty_text": 1,
        "non_text": 1,
        "missing_label": 1,
        "duplicates_merged": 1,
        "contradictory_texts": 1,
        "contradictory_rows": 3,
        "kept": 2,
        "fake": 1,
        "genuine": 1,
        "surrogates_replaced": 0,
        "sources": {},
    }
    assert reviews.report.lines() == [
        "2 of 10 rows kept: 1 fake, 1 genuine",
        "rows without a text: 1",
        "rows with a blank text: 1",
        "rows with a number for a text: 1",
        "rows without a label: 1",
        "rows that repeat another row's text and label, merged: 1",
        "rows whose text carries both labels, dropped: 3",
    ]


def test_a_clean_source_is_reported_in_one_line(tmp_path: Path) -> None:
    found = load_reviews(jsonl(tmp_path, [{"text": "a", "label": "fake"}, {"text": "b", "label": "real"}]))
    assert found.report.lines() == ["2 of 2 rows kept: 1 fake, 1 genuine"]


SOME_TEXT = st.none() | st.sampled_from(["a", " a", "b", "b\r", "c", "", " ", "7", "-1.5"]) | st.text(max_size=4)


@given(st.lists(st.tuples(SOME_TEXT, st.none() | st.booleans(), st.none() | st.sampled_from("xyz"))), st.randoms())
def test_any_rows_are_all_accounted_for_whatever_their_order(
    rows: list[tuple[str | None, bool | None, str | None]], shuffler: random.Random
) -> None:
    def content(some: list[tuple[str | None, bool | None, str | None]]) -> tuple[set[tuple[Any, ...]], dict[str, int]]:
        texts, fakes, groups = (list(values) for values in zip(*some, strict=True)) if some else ([], [], [])
        kept, report = merge(texts, {FAKE: fakes, GROUP: groups, SOURCE: ["one"] * len(texts)})
        found = zip(kept[ID], kept[TEXT], kept[FAKE], kept[GROUP], strict=True)
        return {(*row, tuple(groups or ())) for *row, groups in found}, asdict(report)

    kept, report = content(rows)
    dropped = ("missing_text", "empty_text", "non_text", "missing_label", "duplicates_merged", "contradictory_rows")
    assert report["rows_read"] == len(rows) == report["kept"] + sum(report[name] for name in dropped)
    assert report["kept"] == len(kept) == report["fake"] + report["genuine"]
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    assert content(shuffled) == (kept, report)


@given(st.text())
def test_normalising_is_done_once_for_all(text: str) -> None:
    normal = normalise(text)
    assert normalise(normal) == normal == normal.strip() == unicodedata.normalize("NFC", normal)
    assert not set("\0\r") & set(normal)


def test_bare_numbers_are_no_text() -> None:
    assert all(map(is_number, ["5", "-1.5", "+.5", "3.", " 7 "]))
    assert not any(map(is_number, ["5 stars", "1.2.3", ".", "nan", "1/2", ""]))
    started = time.process_time()
    assert not is_number("9" * 200_000 + "x")
    assert time.process_time() - started < 1


def test_the_hash_is_of_the_content_and_not_of_the_order_or_the_file(tmp_path: Path, reviews: Reviews) -> None:
    turned = load_reviews(jsonl(tmp_path, ROWS[::-1], "turned.ndjson"), group_column="author")
    assert turned.sha256 == reviews.sha256
    assert turned.table[ID].equals(reviews.table[ID])
    ids = reviews.table[ID].to_pylist()
    assert ids == sorted(ids)
    assert len(reviews.sha256) == 64


@pytest.mark.parametrize(
    ("row", "change"), [(2, {"text": "other"}), (2, {"author": "q"}), (1, {"author": "A"}), (9, {"label": "OR"})]
)
def test_the_hash_changes_with_text_group_and_label(tmp_path: Path, reviews: Reviews, row: int, change: Any) -> None:
    rows = [dict(item) for item in ROWS]
    rows[row].update(change)
    assert load_reviews(jsonl(tmp_path, rows, "b.jsonl"), group_column="author").sha256 != reviews.sha256


def test_csv_and_parquet_with_the_same_reviews_have_the_same_hash(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text_,is_fake,rating\nGood one,1,5\nBad one,0,n/a\nBad two,0,-1\n")
    table = pa.table({"Review": ["Bad two", "Good one", "Bad one"], "fake": [False, True, False]})
    table = table.set_column(0, "Review", table["Review"].dictionary_encode())
    parquet.write_table(table, tmp_path / "b.parquet")
    from_csv, from_parquet = (load_reviews(str(tmp_path / name)) for name in ("a.csv", "b.parquet"))
    assert from_csv.sha256 == from_parquet.sha256
    assert sorted(zip(from_csv.table[TEXT].to_pylist(), from_csv.table[RATING].to_pylist(), strict=True)) == [
        ("Bad one", None),
        ("Bad two", -1.0),
        ("Good one", 5.0),
    ]


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        (
            {"words": ["a", "b"], "label": ["CG", "OR"]},
            {},
            "give --text-column with one of the columns 'words', 'label'",
        ),
        ({"text": ["a", "b"], "y": ["CG", "OR"]}, {}, "give --label-column with one of the columns 'text', 'y'"),
        ({"text": ["a", "b"], "label": ["CG", "OR"]}, {"group_column": "who"}, "--group-column must be one of"),
        ({"text": ["a", "b"], "label": ["CG", "OR"]}, {"label_column": "text"}, "they must be two columns"),
        ({"text": ["a", "b"], "label": [1, 0]}, {}, "found '1' (1), '0' (1); give --fake-label with one of them"),
        ({"text": ["a", "b"], "label": ["CG", "CG"]}, {}, "must hold two labels, it holds 1: 'CG' (2)"),
        ({"text": ["a", "a"], "label": ["CG", "OR"]}, {}, "leaves 0 fake and 0 genuine reviews"),
        ({"text": ["a", "", "b"], "label": ["CG", "OR", "CG"]}, {}, "leaves 2 fake and 0 genuine reviews"),
        (
            {"text": [1, 2], "label": ["CG", "OR"]},
            {},
            "'text' holds int64, not text: choose another of 'text', 'label' with --text-column",
        ),
        ({"text": ["1", "2.5"], "label": ["CG", "OR"]}, {}, "holds numbers, not text: choose another of"),
        ({"text": [None, None], "label": ["CG", "OR"]}, {}, "holds no values, not text"),
    ],
)
def test_reviews_that_cannot_be_used_are_refused(
    tmp_path: Path, columns: dict[str, list[Any]], options: dict[str, str], said: str
) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert said in message(str(tmp_path / "a.parquet"), **options)


@pytest.mark.parametrize(("label", "flag", "fake"), [("CG", None, 2), ("OR", None, 0), ("human", "machine", 0)])
def test_reviews_of_one_class_are_read_where_they_are_asked_for(
    tmp_path: Path, label: str, flag: str | None, fake: int
) -> None:
    source = jsonl(tmp_path, [{"text": text, "label": label} for text in ("a", "b", "")])
    report = load_reviews(source, fake_label=flag, one_class=True).report
    assert (report.fake, report.genuine, report.empty_text) == (fake, 2 - fake, 1)
    assert "must hold two labels, it holds 1" in message(source, fake_label=flag)


def test_two_labels_of_which_one_has_no_text_are_one_class(tmp_path: Path) -> None:
    source = jsonl(tmp_path, [{"text": "a", "label": "CG"}, {"text": "", "label": "OR"}])
    assert load_reviews(source, one_class=True).report.kept == 1
    assert "leaves 1 fake and 0 genuine reviews" in message(source)
    nothing = jsonl(tmp_path, [{"text": "5", "label": "CG"}, {"text": "a", "label": None}])
    assert "leaves 0 fake and 0 genuine reviews" in message(nothing, one_class=True)


def test_halves_of_characters_are_replaced_and_counted(tmp_path: Path) -> None:
    rows = [{"text": "a\ud83d b", "label": "CG", "who": "\udc00"}, {"text": "c", "label": "OR", "who": "x"}]
    found = load_reviews(jsonl(tmp_path, rows), group_column="who")
    assert set(found.table[TEXT].to_pylist()) == {"a\ufffd b", "c"}
    assert found.report.lines() == [
        "2 of 2 rows kept: 1 fake, 1 genuine",
        "rows with halves of characters in their text, replaced: 1",
    ]


def test_a_report_that_was_kept_before_surrogates_were_counted_is_read(tmp_path: Path, reviews: Reviews) -> None:
    path = reviews_in_store(reviews, Store(tmp_path))
    report = asdict(reviews.report)
    del report["surrogates_replaced"]
    write_parquet(reviews.table, path, {"report": report, "name": reviews.name})
    assert read_reviews(path) == reviews
    write_parquet(reviews.table, path, {"report": report})
    assert read_reviews(path).name == path.name


def test_reviews_that_were_kept_with_one_group_each_are_made_again(tmp_path: Path, reviews: Reviews) -> None:
    place = reviews.table.column_names.index(GROUP)
    old = reviews.table.set_column(place, GROUP, pa.array(["a"] * len(reviews.table)))
    path = Store(tmp_path).reviews / f"{reviews.sha256[:16]}.parquet"
    write_parquet(old, path, {"report": asdict(reviews.report)})
    with pytest.raises(DataError, match="another version: delete it, it is made again"):
        read_reviews(path)
    assert read_reviews(reviews_in_store(reviews, Store(tmp_path))) == reviews


def test_the_sample_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table(
        {
            "text": ["a b", "c d"],
            "label": ["fake", "genuine"],
            "category": ["x", "y"],
            "rating": [1, 2],
            "product": ["p", "q"],
        }
    )
    monkeypatch.setitem(sys.modules, "reviewtune.data.sample", SimpleNamespace(generate=lambda: table))
    found = load_reviews("sample", group_column="product")
    assert (found.name, found.report.kept) == ("sample", 2)
    assert sorted(found.table[GROUP].to_pylist()) == [["p"], ["q"]]


def test_texts_for_prediction_keep_every_row_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n1," b "\n2,\n3,a\n4,a\n5,7\n')
    table = load_texts(str(tmp_path / "a.csv"))
    assert table.to_pydict() == {ROW: [0, 1, 2, 3, 4], TEXT: ["b", "", "a", "a", "7"]}
    with pytest.raises(DataError, match="--text-column must be one of the columns 'id', 'text'"):
        load_texts(str(tmp_path / "a.csv"), "none")


def test_the_store_gives_back_what_it_was_given(tmp_path: Path, reviews: Reviews) -> None:
    path = reviews_in_store(reviews, Store(tmp_path))
    assert path == tmp_path / "store" / "reviews" / f"{reviews.sha256[:16]}.parquet"
    found = read_reviews(path)
    assert found.table.equals(reviews.table)
    assert (found.report, found.sha256, found.name) == (reviews.report, reviews.sha256, reviews.name)


def test_the_published_reviews_are_read_whole(salminen_csv: Path) -> None:
    found = load_reviews(str(salminen_csv))
    assert found.report.lines() == ["13,900 of 13,900 rows kept: 6,964 fake, 6,936 genuine"]
    buffer = io.BytesIO()
    parquet.write_table(found.table, buffer)
    assert parquet.read_table(buffer).equals(found.table)
