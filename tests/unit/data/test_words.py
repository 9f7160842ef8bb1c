import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.words import LONGEST_WORD, in_parts, without, word_spans


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's a well-made café, really!!", ["It's", "a", "well-made", "café", ",", "really", "!!"]),
        ("'quoted' - so", ["'", "quoted", "'", "-", "so"]),
        ("हिन्दी शब्द", ["हिन्दी", "शब्द"]),
        ("好产品。", ["好", "产", "品", "。"]),
        ("ok \U0001f469\u200d\U0001f467 <b>", ["ok", "\U0001f469\u200d\U0001f467", "<", "b", ">"]),
        ("x" * 90, ["x" * 40, "x" * 40, "x" * 10]),
        ("", []),
    ],
)
def test_words_are_what_a_person_reads_as_one(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_between_words_there_is_white_space_alone(text: str) -> None:
    spans = word_spans(text)
    rest, end = "", 0
    for start, stop in spans:
        assert end <= start < stop <= start + LONGEST_WORD
        rest, end = rest + text[end:start], stop
    assert not (rest + text[end:]).strip()


@pytest.mark.parametrize(
    ("text", "word", "left"),
    [
        ("a great product.", "great", "a product."),
        ("a great product.", "product", "a great."),
        ("a great product. Yes", ".", "a great product Yes"),
        ("a great\n\nproduct", "great", "a\n\nproduct"),
        ("(very good)", "very", "( good)"),
        ("one", "one", ""),
    ],
)
def test_nothing_shows_where_a_word_was(text: str, word: str, left: str) -> None:
    start = text.index(word)
    assert without(text, start, start + len(word)) == left


def test_parts_grow_with_the_text() -> None:
    spans = [(number, number + 1) for number in range(10)]
    assert in_parts(spans, 10) == [[span] for span in spans]
    assert [len(part) for part in in_parts(spans, 4)] == [3, 3, 3, 1]
    assert in_parts(spans, 1) == [spans]
    assert in_parts([], 4) == []
