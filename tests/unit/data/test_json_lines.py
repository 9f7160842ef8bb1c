"""Every JSON object is a row, or its line is named."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewtune.data.json_lines import read_json_lines
from reviewtune.errors import DataError

TEXT = st.none() | st.text(st.characters(codec="utf-8"))


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"t": TEXT}, optional={"n": st.floats(allow_nan=False)}), min_size=1))
def test_all_rows_come_back(rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=len(row) > 1) + "\n" for row in rows)
    table, replaced = read_json_lines(text, "a.jsonl")
    names = table.column_names
    assert table.to_pylist() == [{name: row.get(name) for name in names} for row in rows]
    assert set(names) == {name for row in rows for name in row}
    assert not replaced


def test_missing_keys_are_null_and_columns_are_in_the_order_of_their_first_row() -> None:
    table, _ = read_json_lines('\n{"b": 1}\r\n\r\n{"a": "x", "b": 2.5}\r{"c": [1], "a": null}', "a.jsonl")
    assert table.column_names == ["b", "a", "c"]
    assert table.to_pylist() == [
        {"b": 1.0, "a": None, "c": None},
        {"b": 2.5, "a": "x", "c": None},
        {"b": None, "a": None, "c": [1]},
    ]


def test_many_brackets_are_not_deep() -> None:
    """50 levels, the most there may be, beside 60 lists and a text full of brackets."""
    line = '{"w": ' + json.dumps([[]] * 60) + ', "t": "' + "[{" * 60 + '", "d": ' + "[" * 49 + "]" * 49 + "}"
    table, _ = read_json_lines(line, "a.jsonl")
    assert table.to_pylist() == [json.loads(line)]
    with pytest.raises(DataError, match="more than 50 deep"):
        read_json_lines(line.replace('"d": ', '"d": [').replace("]}", "]]}"), "a.jsonl")


def test_texts_stay_texts() -> None:
    table, _ = read_json_lines('{"t": "2020-01-01", "n": NaN}\n', "a.jsonl")
    assert table["t"].to_pylist() == ["2020-01-01"]


def test_halves_of_surrogate_pairs_are_replaced_and_counted() -> None:
    lines = [
        r'{"t": "a\ud800b", "u": "x"}',
        r'{"t": "\uDC00\uD83D\uDE00", "u": "\udfff"}',
        r'{"t": "\ud83d\ude00", "\ud800": ["\ud800"]}',
    ]
    table, replaced = read_json_lines("\n".join(lines), "a.jsonl")
    assert table.to_pylist() == [
        {"t": "a\ufffdb", "u": "x", "\ufffd": None},
        {"t": "\ufffd\U0001f600", "u": "\ufffd", "\ufffd": None},
        {"t": "\U0001f600", "u": None, "\ufffd": ["\ufffd"]},
    ]
    assert (replaced["t"], replaced["u"]) == (2, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("null", "line 2: null is no JSON object; write one a line"),
        ("[1]", "[1] is no JSON object"),
        ('{"t": "a"} {"t": "b"}', "line 2: Extra data"),
        ('{"t": 1}', "line 2: 't' holds a number where lines above hold text: write all of its values one way"),
        ('{"t": ["a"]}', "'t' holds a list where"),
        ('{"t": "a", "t": "b"}', "the key 't' occurs twice"),
        (r'{"\ud800": 1, "\ud801": 2}', "occurs twice"),
        ('{"n": 1' + "0" * 30 + "}", "a.jsonl: the values of 'n' do not make a column"),
        ('{"n": 1' + "0" * 5000 + "}", "line 2: Exceeds the limit"),
        ('{"a":' * 51 + "1" + "}" * 51, "line 2: lists and objects lie more than 50 deep in one another"),
        ("[" * 100_000, "line 2: maximum recursion depth"),
        ('{"t": ', "line 2: Expecting value"),
        ('{"t": "a\tb"}', "line 2: Invalid control character"),
        ('{"' + "\x1bk" * 1000 + '": 1}', "line 2: Invalid control character"),
    ],
)
def test_a_bad_line_is_named(line: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_json_lines('{"t": "a"}\n' + line, "a.jsonl")
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_of_a_fault_is_counted_as_editors_do(end: str) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl, line 3: "):
        read_json_lines(end.join(['{"a": 1}', '{"a": 2}', "{"]), "a.jsonl")


def test_whole_numbers_of_64_bits_are_a_column_with_a_sign_or_without() -> None:
    table, _ = read_json_lines(f'{{"id": {2**64 - 1}, "low": {-(2**63)}}}\n{{"id": 0, "low": 5}}', "a.jsonl")
    assert table.to_pylist() == [{"id": 2**64 - 1, "low": -(2**63)}, {"id": 0, "low": 5}]
    with pytest.raises(DataError, match="the values of 'id' do not make a column"):
        read_json_lines(f'{{"id": {2**64}}}', "a.jsonl")
