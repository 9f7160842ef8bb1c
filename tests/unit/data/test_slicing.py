import pyarrow as pa

from reviewtune.data.slicing import MOST_NUMBERS, NONE_GIVEN, quarters, slicing_traits


def table(**columns: list) -> pa.Table:
    number = len(next(iter(columns.values())))
    types = {"text": pa.string(), "source": pa.string(), "category": pa.string(), "rating": pa.float64()}
    types["language"] = pa.string()
    filled = {"text": ["a b"] * number, "source": ["shop"] * number} | columns
    return pa.table({name: pa.array(filled.get(name, [None] * number), kind) for name, kind in types.items()})


def test_each_trait_has_a_value_a_review() -> None:
    words = ["one", "one two", "one two three", "a\nb  c d"]
    found = slicing_traits(
        table(
            text=words, source=["x", "y", "x", "x"], category=["Books", None, "Pets", "Pets"], rating=[5, 4.5, None, 1]
        )
    )
    assert found == {
        "source": ["x", "y", "x", "x"],
        "category": ["Books", NONE_GIVEN, "Pets", "Pets"],
        "rating": ["5", "4.5", NONE_GIVEN, "1"],
        "length": ["1 words", "2 words", "3 words", "4 words"],
    }


def test_what_no_review_has_is_left_out() -> None:
    assert set(slicing_traits(table(text=["a", "b c"]))) == {"source", "length"}


def test_languages_that_are_the_sources_are_told_once() -> None:
    texts, languages = ["a", "b c"], ["de", None]
    assert slicing_traits(table(text=texts, language=languages))["language"] == ["de", NONE_GIVEN]
    assert "language" not in slicing_traits(table(text=texts, source=["de", "fr"], language=["de", "fr"]))


def test_many_ratings_are_cut_into_quarters() -> None:
    few, many = list(range(MOST_NUMBERS)), list(range(MOST_NUMBERS + 2))
    assert slicing_traits(table(rating=few))["rating"] == [f"{rating}" for rating in few]
    assert slicing_traits(table(rating=[None, *many]))["rating"] == [
        NONE_GIVEN, *["0 to 2"] * 3, *["3 to 5"] * 3, *["6 to 8"] * 3, *["9 to 11"] * 3,
    ]  # fmt: skip


def test_quarters_hold_equal_numbers_together_and_are_called_what_they_hold() -> None:
    assert quarters([1, 2, 3, 4, 5, 6, 7, 80]) == ["1 to 2"] * 2 + ["3 to 4"] * 2 + ["5 to 6"] * 2 + ["7 to 80"] * 2
    assert quarters([3, 3, 3, 3, 3, 9], "words") == ["3 words"] * 5 + ["9 words"]
    assert quarters([4]) == ["4"]
    assert quarters([]) == []
