import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.surface import FEATURES, TAG, surface


def feature(name: str, text: str) -> float:
    return float(surface([text])[0, list(FEATURES).index(name)])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("characters", "Good tent", 9),
        ("words", " Good\n tent. ", 2),
        ("words", "", 0),
        ("capitals", "AbcD", 0.5),
        ("capitals", "\u00c9t\u00e9!", 0.25),
        ("capitals", "\u4e2d\u6587", 0),
        ("digits", "a1b2", 0.5),
        ("punctuation", "a, b.", 0.4),
        ("not_ascii", "caf\u00e9", 0.25),
        ("no_space_after_punctuation", "Good.Very good,too! 3.5", 2),
        ("no_space_after_punctuation", "3.a ...b", 0),
        ("space_before_punctuation", "Good . Very ,good", 2),
        ("doubled_punctuation", "Good!! Very.. good. .", 3),
        ("doubled_space", "a  b c\n\nd", 2),
        ("html", "a<br />b <b>c</b> &amp; &#39; <3 & x", 5),
        ("emoji", "\U0001f600 \u2764\ufe0f", 3),
        ("emoji", "\u00a9 5 \u2122", 0),
    ],
)
def test_features_by_hand(name: str, text: str, value: float) -> None:
    assert feature(name, text) == value


@pytest.mark.parametrize("end", list(".!?)\"'\u2019\u201d"))
def test_a_closing_mark_ends_a_text(end: str) -> None:
    assert feature("ends_closed", f"Good tent{end} ") == 1
    assert feature("ends_closed", f"{end} Good tent,") == 0


@given(st.lists(st.text()))
def test_every_text_has_finite_features_of_its_own(texts: list[str]) -> None:
    together = surface(texts)
    assert together.shape == (len(texts), len(FEATURES))
    assert np.isfinite(together).all()
    assert all((surface([text])[0] == row).all() for text, row in zip(texts, together, strict=True))


@pytest.mark.parametrize("unit", ["<", "<a", "&", "&a", "&#", ".", " ", ". ", "\u200d"])
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    start = time.process_time()
    surface([unit * 100_000])
    assert time.process_time() - start < 2


def test_a_tag_needs_a_name_and_an_end() -> None:
    assert TAG.findall("<br> </p> <!-- x --> < b> <3 a<b <") == ["<br>", "</p>", "<!-- x -->"]
