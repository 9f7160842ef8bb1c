"""What must hold of any input: a correct result, or one clear line."""

import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import damage
import seeds

from reviewtune.data.reviews import Reviews, load_reviews, load_texts
from reviewtune.data.sources import read_source
from reviewtune.data.texts import normalise
from reviewtune.errors import DataError
from reviewtune.schema import ID, ROW, TEXT

LONGEST_MESSAGE = 600
TEXT_KINDS = ("csv", "csv ; \\t |", "tsv", "jsonl")
PACKED_KINDS = ("gz", "zip", "bz2 xz")
KINDS = (*TEXT_KINDS, "parquet", "parquet types", *PACKED_KINDS)


class BrokenPromiseError(Exception):
    """An input was neither read rightly nor refused in one clear line."""


@dataclass(frozen=True)
class Case:
    """One input, made from the seed and its number alone."""

    kind: str
    name: str
    raw: bytes
    options: dict[str, Any]


def make_case(seed: int, number: int) -> Case:
    """The input of a number."""
    chance = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    name, raw = _sound(kind if kind not in PACKED_KINDS else chance.choice((*TEXT_KINDS, "parquet")), chance)
    if kind in PACKED_KINDS:
        if chance.random() < 0.2:
            raw = chance.choice(damage.FOR_ALL)(raw, chance)
        suffix = chance.choice((".bz2", ".xz")) if kind == "bz2 xz" else f".{kind}"
        raw, name = seeds.packed(raw, suffix, name, chance), name + suffix
        if suffix == ".zip" and chance.random() < 0.5:
            name = "a.zip"
    if kind != "parquet types":
        for _ in range(chance.choice((0, 1, 1, 1, 2))):
            raw = chance.choice(damage.FOR_TEXT if kind in TEXT_KINDS else damage.FOR_ALL)(raw, chance)
    options = {
        "text_column": chance.choice((None, None, None, "text", "who", "stars")),
        "label_column": chance.choice((None, None, None, "label", "category", "other")),
        "group_column": chance.choice((None, "who", "stars", "text")),
        "fake_label": chance.choice((None, None, "CG", "1", "Home")),
        "one_class": chance.random() < 0.3,
    }
    return Case(kind, name, raw, options)


def _sound(kind: str, chance: random.Random) -> tuple[str, bytes]:
    some = seeds.rows(chance)
    if kind == "jsonl":
        return chance.choice(("a.jsonl", "a.ndjson")), seeds.json_lines(some, chance)
    if kind == "tsv":
        return "a.tsv", seeds.tsv(some, chance)
    if kind.startswith("parquet"):
        return "a.parquet", seeds.parquet_file(some, chance)
    return "a.csv", seeds.delimited(some, "," if kind == "csv" else chance.choice(";\t|"), chance)


def hold(case: Case) -> bool:
    """Whether the input was read; if not it was refused as it should.

    Raises:
        BrokenPromiseError: It was neither. (Whatever else the readers raise comes through.)
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / case.name
        path.write_bytes(case.raw)
        try:
            reviews: Reviews | None = load_reviews(str(path), **case.options)
        except DataError as error:
            _check_message(str(error), folder)
            reviews = None
        try:
            texts = load_texts(str(path), case.options["text_column"])
        except DataError as error:
            _check_message(str(error), folder)
            if reviews is not None:
                raise BrokenPromiseError(f"load_reviews reads it, load_texts does not: {error}") from None
            return False
        _check_rows(case, read_source(str(path)).table, texts)
    if reviews is not None:
        _check_reviews(reviews, texts)
    return True


def _check_message(message: str, folder: str) -> None:
    short = message.replace(folder, "")
    if not message.isprintable() or not 20 < len(short) <= LONGEST_MESSAGE:
        raise BrokenPromiseError(f"the message is not one clear line: {short[:2000]!r}")


def _check_rows(case: Case, table: Any, texts: Any) -> None:
    """Every row of the file is one of the table and has a text, maybe a blank one, in the file's order."""
    if texts[ROW].to_pylist() != list(range(table.num_rows)):
        raise BrokenPromiseError(f"{table.num_rows} rows were read, load_texts has {len(texts)}")
    if case.kind not in TEXT_KINDS:
        return
    text = case.raw.decode("utf-8-sig")
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip(" \t" if case.kind == "jsonl" else "")]
    if case.kind == "jsonl":
        if len(lines) != table.num_rows:
            raise BrokenPromiseError(f"{len(lines)} lines became {table.num_rows} rows")
        return
    if '"' not in text and len(table.column_names) > 1 and len(lines) - 1 != table.num_rows:
        raise BrokenPromiseError(f"{len(lines) - 1} lines became {table.num_rows} rows")
    held = [*table.column_names, *(value for column in table.columns for value in column.to_pylist())]
    before, after = (Counter(letter for letter in some if letter.isalnum()) for some in (text, "".join(held)))
    if before != after:
        raise BrokenPromiseError(f"letters were lost or doubled: {before - after} {after - before}")


def _check_reviews(reviews: Reviews, texts: Any) -> None:
    """Every row is kept or counted, and what is kept is spelled as it is everywhere."""
    report, table = reviews.report, reviews.table
    left_out = (
        report.missing_text + report.empty_text + report.non_text + report.missing_label + report.duplicates_merged
        + report.contradictory_rows
    )  # fmt: skip
    if report.rows_read != len(texts) or report.rows_read != report.kept + left_out:
        raise BrokenPromiseError(f"of {len(texts)} rows the report accounts for {report}")
    table.validate(full=True)
    kept = table[TEXT].to_pylist()
    if len({*table[ID].to_pylist()}) != report.kept or len(kept) != report.kept:
        raise BrokenPromiseError(f"{len(kept)} reviews are kept, {report.kept} reported")
    if kept != texts[TEXT].take(table[ROW]).to_pylist() or kept != [normalise(text) for text in kept]:
        raise BrokenPromiseError("a review's text is not that of its row")
