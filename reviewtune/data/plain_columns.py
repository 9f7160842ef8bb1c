"""Columns of others' making, checked before a value is touched, and texts as plain strings however they were stored."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from reviewtune.data.shown import listed, quoted, shown
from reviewtune.errors import DataError

_AT_A_TIME = 4096


def plain_columns(table: pa.Table, source: str, *, whole: bool = True) -> pa.Table:
    """The table with its dictionaries resolved and its strings as one type, bytes too where they are UTF-8.

    Args:
        table: As it was read, its values unchecked.
        source: What to call it in a message.
        whole: Whether these are all rows. Bytes of a part stay bytes: in another part they may be no text.

    Raises:
        DataError: A value is damaged, strings that are not UTF-8 included.
    """
    names = table.column_names
    columns = [_plain(table, place, source, whole=whole) for place in range(len(names))]
    return pa.Table.from_arrays(columns, names=names)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The columns as `plain_columns` makes them, where those of bytes hold no text."""
    kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in schema.types]
    strings = [pa.string() if _is_text(kind) and not is_bytes(kind) else kind for kind in kinds]
    return pa.schema(list(zip(schema.names, strings, strict=True)))


def scalars(table: pa.Table, name: str, flag: str) -> list[object]:
    """The values of a plain column that must hold one value a row: text, numbers, true or false; times as text.

    Raises:
        DataError: It holds lists, objects or bytes, or times of an unknown zone.
    """
    column = table[name]
    try:
        if pa.types.is_temporal(column.type):
            # As text: Python's own dates end at the year 9999.
            column = column.cast(pa.string())
        elif not _is_scalar(column.type):
            raise DataError(
                f"the column {quoted(name)} holds {shown(column.type, 60)}, not one value a row: give {flag} with "
                f"another of {listed(table.column_names)}"
            )
    except pa.ArrowException as error:
        raise DataError(
            f"the column {quoted(name)} holds {shown(column.type, 60)} that cannot be read "
            f"({shown(' '.join(str(error).split()))}): store it as text, or give {flag} with another"
        ) from None
    values: list[object] = column.to_pylist()
    return values


def values_of(column: pa.ChunkedArray) -> Iterator[Any]:
    """The values of a column as Python's own, some thousands of them at a time.

    Examples:
        >>> list(values_of(pa.chunked_array([["The zip broke"], [None]])))
        ['The zip broke', None]
    """
    for start in range(0, len(column), _AT_A_TIME):
        yield from column.slice(start, _AT_A_TIME).to_pylist()


def _plain(table: pa.Table, place: int, source: str, *, whole: bool) -> pa.ChunkedArray:
    column = table.column(place)
    try:
        column.validate(full=True)
    except pa.ArrowException as error:
        reason = shown(" ".join(str(error).split()))
        raise DataError(
            f"{shown(source)}, column {quoted(table.column_names[place])}: {reason}; export it again"
        ) from None
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_text(column.type) and not pa.types.is_string(column.type) and (whole or not is_bytes(column.type)):
        return as_text(column)
    return column


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Strings or bytes as plain strings; as it is where they are no UTF-8, which who needs them as text says."""
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return column


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        "is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary", "is_binary_view",
        "is_fixed_size_binary",
    )  # fmt: skip
    return any(getattr(pa.types, test)(kind) for test in tests)


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column of this type holds bytes, which may be text."""
    tests = ("is_binary", "is_large_binary", "is_binary_view", "is_fixed_size_binary")
    return any(getattr(pa.types, test)(kind) for test in tests)


def _is_scalar(kind: pa.DataType) -> bool:
    tests = ("is_null", "is_boolean", "is_integer", "is_floating", "is_decimal", "is_string")
    return any(getattr(pa.types, test)(kind) for test in tests)
