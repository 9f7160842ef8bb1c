"""Small sound inputs of every kind that is read, as bytes, for the fuzzing to damage."""

import bz2
import csv
import datetime as dt
import gzip
import io
import json
import lzma
import random
import zipfile
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

Rows = list[dict[str, Any]]

TEXTS = (
    "Lovely thing, works", 'He said "great" and meant it', "Two\nlines here", "Caf\u00e9 \U0001f600 nice", "plain",
    "semi; colon | pipe", "tab\there", "'quoted'", '"', '"starts', 'ends"', "5", "", "nan", "None", "NULL", " spaces ",
    "e\u0301", "a\u2028b", "never again " * 20,
)  # fmt: skip
WHO = ("anna", "bob", "cy", "", "nan", "N/A", "d;e", 'f"g')
ODD_JSON = (
    "null", "[]", "3", '"a"', "{}", '{"text": null}', '{"text": ["a"]}', '{"text": {"a": 1}}', '{"text": 1e999}',
    '{"text": NaN}', r'{"text": "\ud800", "label": "CG"}', r'{"text": "\udc00\ud800\ud83d\ude00"}', r'{"\ud800": "x"}',
    '{"text": "a", "text": "b"}', "[" * 3000, '{"a":' * 800 + "1" + "}" * 800, '{"stars": 1' + "0" * 40 + "}",
    '{"stars": -Infinity}', '{"label": true}', '{"text": "\x01"}', "{'text': 'a'}", '{"text": "a"},', "// no",
    '{"stars": 1' + "0" * 5000 + "}", '{"who": "2020-01-01"}', '{"": ""}', '{"text": "\\u0000"}',
    '{"label": "\\u0000"}',
)  # fmt: skip


def rows(chance: random.Random) -> Rows:
    """Some 14 labelled reviews with groups, categories and ratings; texts repeat, labels and groups are missing."""
    return [
        {
            "text": chance.choice(TEXTS) if chance.random() < 0.5 else f"review {place} of {chance.randrange(99)}",
            "label": chance.choice(("CG", "OR", "CG", "OR", "CG", "OR", "", "NaN")),
            "who": chance.choice(WHO),
            "category": chance.choice(("Home", "", "Toys")),
            "stars": chance.choice(("5", "1.0", "", "n/a")),
        }
        for place in range(chance.randrange(2, 26))
    ]


def delimited(some: Rows, separator: str, chance: random.Random) -> bytes:
    """As programs write it: quoted where needed, or everywhere, with any line end."""
    held = io.StringIO(newline="")
    quoting = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    end = chance.choice(("\n", "\r\n", "\n"))
    writer = csv.DictWriter(held, list(some[0]), delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writeheader()
    writer.writerows(some)
    return held.getvalue().encode()


def tsv(some: Rows, chance: random.Random) -> bytes:
    """As the format says, a line a row without quoting, or as spreadsheets write it."""
    if chance.random() < 0.4:
        return delimited(some, "\t", chance)
    lines = ["\t".join(" ".join(str(value).split()) for value in row.values()) for row in some]
    return "\n".join(["\t".join(some[0]), *lines, ""]).encode()


def json_lines(some: Rows, chance: random.Random) -> bytes:
    """An object a line, some of them odd."""
    lines = [json.dumps(row, ensure_ascii=chance.random() < 0.5) for row in some]
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(ODD_JSON))
    return "\n".join([*lines, ""]).encode()


def parquet_file(some: Rows, chance: random.Random) -> bytes:
    """By any of the writer's ways, with some columns of odd types."""
    table = pa.Table.from_pylist(some)
    for _ in range(chance.choice((0, 1, 1, 2))):
        values = odd_column(len(some), chance)
        name = chance.choice((*table.column_names, "other", "text"))
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, values)
        else:
            table = table.append_column(name, values)
    held = io.BytesIO()
    parquet.write_table(
        table,
        held,
        compression=chance.choice(("none", "snappy", "gzip", "zstd", "lz4")),
        use_dictionary=chance.random() < 0.5,
        data_page_version=chance.choice(("1.0", "2.0")),
        row_group_size=chance.choice((None, 3)),
        store_schema=chance.random() < 0.7,
        write_page_checksum=chance.random() < 0.1,
    )
    return held.getvalue()


def odd_column(length: int, chance: random.Random) -> pa.Array:
    """Values of a type that is seldom seen, some null, some beyond what Python or UTF-8 holds."""
    raw = bytes(chance.choice(b"ab1\xff\xc3\xa9\xed\xa0\x80") for _ in range(length))
    offsets = pa.py_buffer(np.arange(length + 1, dtype=np.int32))
    whole = [chance.choice((0, 1, None, 2**31 - 1, -(2**62))) for _ in range(length)]
    # Not all of them null: no dictionary of nulls can be written.
    small = [0, *(chance.choice((0, 1, None)) for _ in range(length - 1))]
    makers: list[Any] = [
        lambda: pa.nulls(length),
        lambda: pa.nulls(length, pa.string()),
        lambda: pa.array(whole, pa.timestamp(chance.choice(("ms", "us", "ns")))),
        lambda: pa.array(whole, pa.timestamp("us", tz=chance.choice(("UTC", "Europe/Lisbon", "No/Where", "+99:99")))),
        lambda: pa.array([None if one is None else one % 2**31 for one in whole], pa.date32()),
        lambda: pa.array(whole, pa.duration("us")),
        lambda: pa.array(small, pa.time64("us")),
        lambda: pa.array([None if one is None else ["a"] * one for one in small], pa.list_(pa.string())),
        lambda: pa.array([None if one is None else {"a": one} for one in small]),
        lambda: pa.array([None if one is None else [("k", one)] for one in small], pa.map_(pa.string(), pa.int64())),
        lambda: pa.Array.from_buffers(pa.binary(), length, [None, offsets, pa.py_buffer(raw)]),
        lambda: pa.Array.from_buffers(pa.string(), length, [None, offsets, pa.py_buffer(raw)]),
        lambda: pa.array(small).dictionary_encode(),
        lambda: pa.array([None if one is None else ["CG", "OR"][one] for one in small]).dictionary_encode(),
        lambda: pa.array([None if one is None else Decimal(one) for one in small], pa.decimal128(20, 4)),
        lambda: pa.array([None if one is None else float(one) for one in small]),
        lambda: pa.array(np.array([one or np.nan for one in small], np.float16)),
        lambda: pa.array([None if one is None else bool(one) for one in small]),
        lambda: pa.array([None if one is None else ["CG", "OR"][one] for one in small], pa.large_string()),
        lambda: pa.array([None if one is None else ["CG", "OR"][one] for one in small], pa.string_view()),
        lambda: pa.array([None if one is None else b"xy" for one in small], pa.binary(2)),
        lambda: pa.array([dt.date(2020, 1, 1)] * length, pa.date64()),
        lambda: pa.array([[[one]] for one in small]),
    ]
    return chance.choice(makers)()


def packed(raw: bytes, suffix: str, inner: str, chance: random.Random) -> bytes:
    """The bytes in an archive by its suffix."""
    if suffix != ".zip":
        return {".gz": partial(gzip.compress, mtime=0), ".bz2": bz2.compress, ".xz": lzma.compress}[suffix](raw)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as archive:
        others: list[list[str]] = [[inner, "__MACOSX/._a"], [inner, "b.csv"], ["a.txt"], [f"d/{inner}"], []]
        for name in chance.choice(([inner], [inner], *others)):
            # Of a fixed time, as all is: the same number gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), raw, archive.compression)
    return held.getvalue()
