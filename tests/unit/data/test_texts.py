import math
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.texts import normalise, prepare
from reviewtune.errors import DataError

ROWS = ["Great", None, " \r\n", "cafe\u0301\0 ", math.nan, pd.NA, 7, b"x", "\ud800a"]
ANY_TEXT = st.text(st.characters() | st.sampled_from(" \r\n\t\0e\u0301\ud800\udc00"), max_size=12)


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        iter,
        pd.Series,
        lambda rows: pd.Series(rows, index=range(90, 99)),
        lambda rows: np.array(rows, object),
    ],
)
def test_what_is_no_text_is_left_out_and_known(make: Any) -> None:
    prepared = prepare(make(ROWS))
    assert prepared.texts == ["Great", "café", "\N{REPLACEMENT CHARACTER}a"]
    assert (prepared.rows.tolist(), prepared.total, prepared.missing, prepared.repaired) == ([0, 3, 8], 9, 6, 1)


@pytest.mark.parametrize("make", [np.array, pd.Series, pa.array, lambda rows: pa.chunked_array([rows]), pd.Index])
def test_arrays_of_str_are_taken(make: Any) -> None:
    assert prepare(make(["Great", "bad"])).texts == ["Great", "bad"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ("Great", "a single str.*put it in a list"),
        (b"Great", "a single bytes"),
        (pd.DataFrame({"review": ["a"], "n": [1]}), r"a whole DataFrame: give one column.*one of 'review', 'n'"),
        (pa.table({"review": ["a"]}), "a whole Table.*'review'"),
        (np.array([["a"]]), "of 2 dimensions"),
        (np.array("a"), "of 0 dimensions"),
        ({"a": 1}, "a dict, not a list"),
        ({"a"}, "a set, not a list"),
        (None, "a NoneType, not a list"),
        (3, "a int, not a list"),
    ],
)
def test_what_has_no_rows_of_texts_is_refused(texts: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        prepare(texts)
    assert "\n" not in str(caught.value)


def test_values_go_back_to_their_rows() -> None:
    prepared = prepare(["a", None, "b"])
    np.testing.assert_array_equal(prepared.spread(np.array([1.0, 2.0])), [1, np.nan, 2])
    spread = prepared.spread(np.ones((2, 3), np.float32))
    assert (spread.shape, spread.dtype, np.isnan(spread[1]).all()) == ((3, 3), np.float32, True)
    assert prepare(prepared) is prepared


@given(ANY_TEXT)
def test_a_normalised_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    once = normalise(text)
    assert normalise(once.encode().decode()) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip()
