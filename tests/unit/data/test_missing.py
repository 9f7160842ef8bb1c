"""A missing value is missing whatever the file spells it like, in every kind of file and every column."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pandas._libs.parsers import STR_NA_VALUES
from pyarrow import parquet

from reviewtune.data.missing import is_missing
from reviewtune.data.reviews import load_reviews, load_texts
from reviewtune.schema import GROUP, ROW, TEXT

WORDS = ["nan", "NaN", "NULL", "N/A", "None", "null", "<NA>", "#N/A", " nan ", "NA"]
ROWS = 60


def test_all_that_pandas_takes_for_missing_is_missing() -> None:
    assert [value for value in STR_NA_VALUES if not is_missing(value)] == []
    assert all(map(is_missing, [None, float("nan"), "", " \n", "NAN", "\\N"]))
    assert not any(map(is_missing, ["none of it", "0", "nano", 0, False, 0.0, "n / a", "."]))


def written(folder: Path, kind: str, word: str) -> str:
    """60 reviews by 30 authors; a third of the labels, of the texts and of the authors are that word, in turn."""
    rows = [
        {
            "text": word if row % 3 == 0 else f"review number {row}",
            "label": word if row % 3 == 1 else ("CG", "OR")[row % 2],
            "who": word if row % 3 == 2 else f"author {row // 2}",
        }
        for row in range(ROWS)
    ]
    path = folder / f"a.{kind}"
    table = pa.Table.from_pylist(rows)
    if kind == "parquet":
        parquet.write_table(table, path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        table.to_pandas().to_csv(path, sep="," if kind == "csv" else "\t", index=False)
    return str(path)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("word", WORDS)
def test_words_for_a_missing_value_are_missing_in_each_column_and_kind(tmp_path: Path, kind: str, word: str) -> None:
    source = written(tmp_path, kind, word)
    found = load_reviews(source, group_column="who")
    report = found.report
    assert (report.missing_text, report.missing_label, report.kept) == (20, 20, 20)
    assert found.table[GROUP].null_count == 20
    texts = load_texts(source)
    assert [text == "" for text in texts[TEXT].to_pylist()] == [row % 3 == 0 for row in texts[ROW].to_pylist()]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_blank_is_missing_too_and_a_blank_text_is_counted_as_such(tmp_path: Path, kind: str) -> None:
    found = load_reviews(written(tmp_path, kind, ""), group_column="who")
    assert (found.report.empty_text, found.report.missing_label, found.report.kept) == (20, 20, 20)
    assert found.table[GROUP].null_count == 20


@pytest.mark.parametrize("word", ["", "nan", "NaN", "NULL"])
def test_labels_that_a_table_of_numbers_was_written_with_are_understood(tmp_path: Path, word: str) -> None:
    labels = [word if row == 0 else f"{row % 2}.0" for row in range(ROWS)]
    text = ",review,is_fake\n" + "".join(f"{row},number {row} it is,{label}\n" for row, label in enumerate(labels))
    (tmp_path / "a.csv").write_text(text)
    report = load_reviews(str(tmp_path / "a.csv")).report
    assert (report.missing_label, report.fake, report.genuine) == (1, 30, 29)
