"""Tables of JSON objects, one a line.

The reader is the standard library's: pyarrow's ends the process at a first line `null`, refuses half of a surrogate
pair, which JSON allows, and takes texts that look like dates for dates.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from reviewtune.data.shown import quoted, shown
from reviewtune.errors import DataError

DEEPEST = 50
"""Levels of lists and objects in a line: Arrow's types take time and memory that grow with the square of it."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def read_json_lines(text: str, name: str) -> tuple[pa.Table, Mapping[str, int]]:
    """All rows, null where an object lacks a key, in the order in which keys first occur.

    Args:
        text: The file. Blank lines are passed over.
        name: What to call it in a message.

    Returns:
        The table, and by column the rows in which halves of surrogate pairs were replaced, as no text file can hold
        them.

    Raises:
        DataError: A line is no object, repeats a key, or holds another kind of value than lines above it.
    """
    columns: dict[str, list[Any]] = {}
    replaced: Counter[str] = Counter()
    num_rows = 0
    for row in json_rows(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), name, replaced):
        for key, value in row.items():
            values = columns.setdefault(key, [])
            values.extend([None] * (num_rows - len(values)))
            values.append(value)
        num_rows += 1
    arrays = [column_of(values + [None] * (num_rows - len(values)), key, name) for key, values in columns.items()]
    return pa.Table.from_arrays(arrays, names=list(columns)), replaced


def json_rows(lines: Iterable[str], name: str, replaced: "Counter[str]") -> Iterator[dict[str, Any]]:
    """The objects in some lines, whose values of a key are of one kind.

    Args:
        lines: Blank ones are passed over.
        name: As above.
        replaced: Counts what was replaced, as above.

    Raises:
        DataError: As above.
    """
    kinds: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip(" \t\n"):
            continue
        row, mended = _object(line, f"{name}, line {number}")
        replaced.update(mended)
        for key, value in row.items():
            if value is not None:
                kind = _KINDS[type(value)]
                if kinds.setdefault(key, kind) != kind:
                    raise DataError(
                        f"{name}, line {number}: {quoted(key)} holds {kind} where lines above hold {kinds[key]}: "
                        "write all of its values one way"
                    )
        yield row


def _object(line: str, where: str) -> tuple[dict[str, Any], list[str]]:
    """The object in a line, and the keys whose values were mended."""
    try:
        row = json.loads(line, object_pairs_hook=_distinct)
        if line.count("[") + line.count("{") > DEEPEST:
            _check_depth(row, DEEPEST)
        whole = _mended(row) if "\\ud" in line or "\\uD" in line else row
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {shown(error)}; write one JSON object a line") from None
    if not isinstance(row, dict):
        raise DataError(f"{where}: {shown(line.strip(), 40)} is no JSON object; write one a line")
    return whole, [key for key, value in whole.items() if whole is not row and row.get(key) != value]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {quoted(twice)} occurs twice")
    return row


def _check_depth(value: Any, levels: int) -> None:
    if isinstance(value, list | dict):
        if not levels:
            raise ValueError(f"lists and objects lie more than {DEEPEST} deep in one another")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, levels - 1)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return _distinct([(_mended(key), _mended(item)) for key, item in value.items()])
    return value


def column_of(values: list[Any], key: str, name: str) -> pa.Array:
    """The values of a key as a column, whole numbers above 2^63 too.

    Raises:
        DataError: They do not make one.
    """
    try:
        try:
            return pa.array(values)
        except OverflowError:
            return pa.array(values, pa.uint64())
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise DataError(
            f"{name}: the values of {quoted(key)} do not make a column: {shown(' '.join(str(error).split()))}"
        ) from None
