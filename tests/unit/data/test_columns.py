"""Columns are found by usual names, or an error names the flag and the columns."""

import pytest

from reviewtune.data.columns import LABEL_NAMES, RATING_NAMES, find_column, optional_column
from reviewtune.errors import DataError
from reviewtune.schema import TEXT_NAMES


@pytest.mark.parametrize("name", ["text", "text_", "Review", "REVIEW_TEXT", "reviewText", " content ", "body"])
def test_usual_names_are_found_in_any_case(name: str) -> None:
    assert find_column(["id", name], None, TEXT_NAMES, "--text-column") == name


@pytest.mark.parametrize("name", ["label", "Labels", "class", "is_fake", "fake", "deceptive"])
def test_usual_label_names_are_found(name: str) -> None:
    assert find_column(["text", name], None, LABEL_NAMES, "--label-column") == name


def test_the_users_choice_comes_first_and_an_exact_match_before_case() -> None:
    assert find_column(["text", "body"], "body", TEXT_NAMES, "--text-column") == "body"
    assert find_column(["Body", "body"], "body", TEXT_NAMES, "--text-column") == "body"
    assert find_column(["Body"], "body", TEXT_NAMES, "--text-column") == "Body"


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        (
            ["id", "words"],
            None,
            "no column is named 'text' or alike: give --text-column with one of the columns 'id', 'words'",
        ),
        (
            ["text", "Review"],
            None,
            "the columns 'text', 'Review' could each be meant: give --text-column with one of them",
        ),
        (["a", "b"], "c", "there is no column 'c': --text-column must be one of the columns 'a', 'b'"),
        (
            ["text", "text", "x"],
            None,
            "2 columns are named 'text': rename all but one of the columns 'text', 'text', 'x'",
        ),
    ],
)
def test_an_unclear_column_is_an_error_that_names_the_flag(names: list[str], wanted: str | None, said: str) -> None:
    with pytest.raises(DataError) as caught:
        find_column(names, wanted, TEXT_NAMES, "--text-column")
    assert str(caught.value) == said


def test_an_optional_column_is_the_first_usual_name_that_occurs_once() -> None:
    assert optional_column(["overall", "Rating"], RATING_NAMES) == "Rating"
    assert optional_column(["rating", "Rating", "stars"], RATING_NAMES) == "stars"
    assert optional_column(["text"], RATING_NAMES) is None
