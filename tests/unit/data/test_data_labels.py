"""The fake label is understood or asked for, never guessed."""

from typing import Any

import pytest

from reviewtune.data.labels import read_fake
from reviewtune.errors import DataError


@pytest.mark.parametrize(
    ("fake", "genuine"),
    [
        ("CG", "OR"),
        ("fake", "real"),
        ("Fake", "Genuine"),
        ("deceptive", "truthful"),
        ("computer-generated", "original"),
        ("Computer_Generated", "Original"),
        ("spam", "ham"),
        ("generated", "real"),
        ("ai-generated", "human"),
    ],
)
def test_known_spellings_are_understood(fake: str, genuine: str) -> None:
    assert read_fake([fake, genuine, None, " ", f" {fake.upper()} "], "label", None) == [True, False, None, None, True]


@pytest.mark.parametrize("column", ["fake", "is_fake", "Deceptive"])
@pytest.mark.parametrize("values", [[True, False], [1, 0], [1.0, 0.0], ["1", "0"], ["True", "false"]])
def test_yes_and_no_are_understood_where_the_column_says_of_what(column: str, values: list[Any]) -> None:
    assert read_fake(values, column, None) == [True, False]


@pytest.mark.parametrize(
    "values", [[1, 0], [True, False], ["1", "0"], ["yes", "no"], ["fake", "person"], ["fake", "cg"]]
)
def test_anything_else_needs_the_flag(values: list[Any]) -> None:
    with pytest.raises(DataError) as caught:
        read_fake([*values, values[0]], "label", None)
    first, second = map(str, values)
    assert str(caught.value) == (
        f"which label of 'label' means fake is not known: found '{first}' (2), '{second}' (1); "
        "give --fake-label with one of them"
    )


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ([1, 0], "1"),
        ([1.0, 0.0], "1"),
        (["1.0", "0.0"], "1"),
        ([1.0, 0.0], "1.0"),
        ([True, False], "True"),
        (["X", "y"], "x"),
    ],
)
def test_the_flag_is_compared_by_value(values: list[Any], flag: str) -> None:
    assert read_fake(values, "label", flag) == [True, False]


def test_the_flag_comes_before_what_is_known() -> None:
    assert read_fake(["CG", "OR"], "label", "OR") == [False, True]


def test_nan_is_a_missing_label() -> None:
    assert read_fake([1.0, float("nan"), 0.0], "fake", None) == [True, None, False]


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "NULL", "null", "N/A", "n/a", "NA", "None", "<NA>", "#N/A", " nan ", ""]
)
def test_words_for_a_missing_value_are_no_labels(word: str) -> None:
    assert read_fake(["CG", word, "OR"], "label", None) == [True, None, False]


def test_labels_that_were_taken_for_missing_are_said_where_too_few_are_left() -> None:
    with pytest.raises(
        DataError, match=r"it holds 1: 'fake' \(1\), and 2 rows without one \(blank, nan, null or alike\);"
    ):
        read_fake(["fake", "none", "none"], "label", "fake")


@pytest.mark.parametrize(
    ("value", "column", "flag", "fake"),
    [
        ("CG", "label", None, True),
        ("OR", "label", None, False),
        ("1", "is_fake", None, True),
        (0.0, "is_fake", None, False),
        ("genuine", "label", "genuine", True),
        ("a", "label", "A", True),
        ("a", "label", "b", False),
        (0, "label", "1", False),
    ],
)
def test_one_label_is_enough_where_it_is_asked_for(value: Any, column: str, flag: str | None, fake: bool) -> None:
    assert read_fake([value, None, value], column, flag, one_class=True) == [fake, None, fake]
    with pytest.raises(DataError, match="must hold two labels, it holds 1"):
        read_fake([value, None, value], column, flag)


@pytest.mark.parametrize(
    ("values", "flag", "said"),
    [
        (["a"], None, "found 'a' (1); give --fake-label with the label that means fake, whether or not it is this one"),
        (["a"], "nan", "--fake-label 'nan' is no label of 'label': found 'a' (1)"),
        (["a", "b", "c"], "a", "must hold two labels, it holds 3"),
        (["a", "b"], "c", "--fake-label 'c' is no label of 'label'"),
        ([None], "a", "it holds 0: only blanks"),
    ],
)
def test_one_label_still_needs_a_meaning(values: list[Any], flag: str | None, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_fake(values, "label", flag, one_class=True)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("values", "flag", "said"),
    [
        (["CG", "CG"], None, "must hold two labels, it holds 1: 'CG' (2); choose another with --label-column"),
        (["a", "b", "c"], "a", "must hold two labels, it holds 3: 'a' (1), 'b' (1), 'c' (1)"),
        ([str(number) for number in range(99)], None, "it holds 99: '0' (1), '1' (1)"),
        (
            ["a long\nreview " * 9] * 2 + ["b"] + ["c"],
            None,
            "it holds 3: 'a long\\nreview a lo...iew a long\\nreview' (2)",
        ),
        ([None, ""], None, "it holds 0: only blanks"),
        (["CG", "OR"], "fake", "--fake-label 'fake' is no label of 'label': found 'CG' (1), 'OR' (1)"),
        (["CG", "OR"], " ", "--fake-label ' ' is no label"),
    ],
)
def test_wrong_labels_are_refused_with_what_was_found(values: list[Any], flag: str | None, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_fake(values, "label", flag)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300
