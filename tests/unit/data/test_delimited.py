"""No row of a separated table is lost, whatever separates it and wherever quotes stand."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewtune.data.delimited import SEPARATORS, read_delimited
from reviewtune.errors import DataError

LINES = 120


def rows(text: str, separator: str = ",") -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in read_delimited(text, separator, "a.csv").to_pylist()]


def message(text: str, separator: str = ",") -> str:
    with pytest.raises(DataError) as caught:
        rows(text, separator)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    return str(caught.value)


FIELDS = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(deadline=None)
@given(st.lists(st.tuples(FIELDS, FIELDS), min_size=1), st.sampled_from(SEPARATORS))
def test_every_field_of_every_quoted_row_is_kept(body: list[tuple[str, str]], separator: str) -> None:
    quoted = [separator.join('"' + field.replace('"', '""') + '"' for field in row) for row in [("t", "l"), *body]]
    assert rows("\n".join(quoted)) == body
    assert rows("\n".join(quoted), "\t") == body


@settings(deadline=None)
@given(st.lists(st.tuples(st.text('a" \u2028', min_size=1, max_size=8), st.sampled_from("xy")), min_size=1))
def test_every_line_between_tabs_is_a_row(body: list[tuple[str, str]]) -> None:
    text = "t\tl\n" + "".join(f"{field}\t{label}\n" for field, label in body)
    found = rows(text, "\t")
    assert len(found) == len(body)
    assert found in (body, [tuple(row) for row in csv.reader(text.split("\n")[1:-1], delimiter="\t")])


def lines_between_tabs(**changed: str) -> str:
    texts = [f"The neat mug leaks; number {number}" for number in range(LINES)]
    for place, text in changed.items():
        texts[int(place.removeprefix("line"))] = text
    return "text\tlabel\n" + "".join(f"{text}\t{('OR', 'CG')[at % 2]}\n" for at, text in enumerate(texts))


@pytest.mark.parametrize(
    "changed",
    [
        {"line10": '"It leaks', "line11": 'It fits"'},
        {"line10": '"It leaks'},
        {"line10": '"Nice" it leaks'},
        {"line3": '"It leaks', "line90": 'It fits"'},
        {"line3": 'It fits 5" pipes', "line4": '"Good" and "bad"'},
    ],
)
def test_quotes_between_tabs_join_no_lines(changed: dict[str, str]) -> None:
    found = rows(lines_between_tabs(**changed), "\t")
    assert len(found) == LINES
    for place, text in changed.items():
        assert found[int(place.removeprefix("line"))][0] == text


def test_a_spreadsheets_quoted_tsv_is_read_as_it_was_meant() -> None:
    assert rows('t\tl\n"He said ""no"""\tx\nplain\ty\n', "\t") == [('He said "no"', "x"), ("plain", "y")]
    assert rows('t\tl\n"Two\nlines"\tx\n"a\ttab"\ty\n', "\t") == [("Two\nlines", "x"), ("a\ttab", "y")]
    # A header in quotes says that all fields are.
    assert rows('"t"\t"l"\n"Good\tx\nbad"\t"y"\n', "\t") == [("Good\tx\nbad", "y")]
    assert rows('"t"\n"Two\nlines"\n', "\t") == [("Two\nlines",)]


def test_a_field_of_any_length_is_read_and_the_process_keeps_its_limit() -> None:
    limit = csv.field_size_limit()
    long = "x" * 200_000
    assert rows(f'text,label\n"{long}",CG\n{long},OR\n') == [(long, "CG"), (long, "OR")]
    assert csv.field_size_limit() == limit
    assert "line 2: 1 fields" in message("text,label\na\n")
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_separator_is_found(mark: str) -> None:
    assert rows(f'text{mark}label\n"a{mark} b, c"{mark}CG\nd, e{mark}OR\n') == [(f"a{mark} b, c", "CG"), ("d, e", "OR")]
    assert rows(f"id{mark}text, full{mark}label\n1{mark}a{mark}b\n") == [("1", "a", "b")]


def test_commas_are_found_in_a_tsv() -> None:
    assert rows("text,label\na,CG\n", "\t") == [("a", "CG")]


def test_a_separator_is_taken_only_where_all_rows_agree() -> None:
    found = message("text;label\na;CG\nb\n")
    assert found.startswith("a.csv, line 3: 1 fields where the header has 2, with a semicolon between; quote fields")
    assert "line 2: 3 fields where the header has 2, with a comma between" in message("text,label;x\na,b,c\n")
    assert rows("text\nGood; nice\n") == [("Good; nice",)]


def test_a_blank_line_is_an_empty_row_only_where_there_is_one_column() -> None:
    assert rows("text\na\n\nb\n") == [("a",), ("",), ("b",)]
    assert rows("text,label\na,x\n\nb,y\n") == [("a", "x"), ("b", "y")]
    assert rows("\n\ntext,label\na,x\n") == [("a", "x")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [",", "\t"])
def test_any_line_end_ends_a_row(end: str, mark: str) -> None:
    assert rows(f'text{mark}label{end}"a{end}b"{mark}x{end}c{mark}y{end}', mark) == [(f"a{end}b", "x"), ("c", "y")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('text,label\n"a,CG\nb "so" c,OR\nd,CG\n', "line 3: ',' expected after '\"'"),
        ('text,label\na,CG\n"b" c,OR\n"d,CG\ne",OR\n', "line 3: ',' expected after '\"'"),
        ('text\tlabel\n"a\tCG\nb\n', "line 3: 1 fields where the header has 2, with a tab between"),
    ],
)
def test_quotes_that_would_join_rows_are_refused(text: str, said: str) -> None:
    assert said in message(text)
