from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewtune.data import tokens as module
from reviewtune.data.tokens import Tokens, from_lists, tokens_in_store
from reviewtune.errors import DataError

LISTS = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=12), max_size=12)


def as_lists(tokens: Tokens) -> list[list[int]]:
    return [tokens[row].tolist() for row in range(len(tokens))]


def refuse_to_tokenise(texts: object) -> Tokens:
    raise AssertionError(f"tokenised again: {texts}")


@given(lists=LISTS)
def test_tokens_are_the_lists_they_were_made_of(lists: list[list[int]]) -> None:
    tokens = from_lists(lists)
    assert as_lists(tokens) == lists
    assert tokens.lengths.tolist() == [len(ids) for ids in lists]
    assert (tokens.ids.dtype, tokens.offsets.dtype) == (np.int32, np.int64)


@given(lists=LISTS.filter(bool), data=st.data())
def test_rows_are_taken_in_the_order_asked_for(lists: list[list[int]], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1)))
    assert as_lists(from_lists(lists).take(np.array(rows, dtype=np.int64))) == [lists[row] for row in rows]


@given(lists=LISTS, others=LISTS)
def test_others_follow(lists: list[list[int]], others: list[list[int]]) -> None:
    assert as_lists(from_lists(lists).followed_by(from_lists(others))) == [*lists, *others]


@given(lists=LISTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_tokens_are_read_as_they_were_written(tmp_path: Path, lists: list[list[int]]) -> None:
    path = tmp_path / "store" / "tokens.parquet"
    path.unlink(missing_ok=True)
    texts = ["text"] * len(lists)
    made = tokens_in_store(path, texts, lambda _: from_lists(lists))
    kept = tokens_in_store(path, texts, refuse_to_tokenise)
    assert as_lists(made) == as_lists(kept) == lists
    assert (kept.ids.dtype, kept.offsets.dtype) == (np.int32, np.int64)


@pytest.mark.parametrize("harm", ["empty", "cut short"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "tokens.parquet"
    tokens_in_store(path, ["a"], lambda _: from_lists([[1, 2]]))
    path.write_bytes(path.read_bytes()[:-20] if harm == "cut short" else b"")
    with pytest.raises(DataError, match="delete it, it is made again") as refusal:
        tokens_in_store(path, ["a"], refuse_to_tokenise)
    assert "\n" not in str(refusal.value)


def test_a_file_of_other_reviews_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.parquet"
    tokens_in_store(path, ["a"], lambda _: from_lists([[1, 2]]))
    with pytest.raises(DataError, match="holds 1 reviews, not 2"):
        tokens_in_store(path, ["a", "b"], refuse_to_tokenise)


def test_many_reviews_are_tokenised_written_and_taken_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS", 3)
    asked: list[int] = []

    def tokenize(texts: Sequence[str]) -> Tokens:
        asked.append(len(texts))
        return from_lists([list(range(len(text))) for text in texts])

    texts = ["x" * (number % 5) for number in range(11)]
    made = tokens_in_store(tmp_path / "tokens.parquet", texts, tokenize)
    assert asked == [3, 3, 3, 2]
    assert as_lists(made) == [list(range(number % 5)) for number in range(11)]
    assert as_lists(tokens_in_store(tmp_path / "tokens.parquet", texts, refuse_to_tokenise)) == as_lists(made)
    rows = np.array([10, 0, 4, 4, 9, 1, 5])
    assert as_lists(made.take(rows)) == [as_lists(made)[row] for row in rows]


def test_where_tokenising_fails_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        tokens_in_store(tmp_path / "store" / "tokens.parquet", ["a"], refuse_to_tokenise)
    assert list((tmp_path / "store").iterdir()) == []
