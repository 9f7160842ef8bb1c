"""Whatever lies beside an entry, the board is written: a study writes it anew with each of its entries."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.page import details
from tests.benchmark_modules import load_benchmark

HUGE = "9" * 400


@pytest.fixture
def results(tmp_path):
    return load_benchmark("made_results").make_results(tmp_path / "results", entries=2, trials=24, reviews=120)


def _page(results):
    return export(collect(results), results, with_texts=True)[-1].read_text()


def _edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("errors.csv", b"id,t\xe4xt\n1,2\n"),
        ("errors.csv", b"id,id\n1,2\n"),
        ("label_issues.csv", b"\xff\xfe\x00"),
        ("test_predictions.parquet", b"PAR1"),
        ("explanations.json", b"{"),
        ("../config.json", b"[" * 100_000),
        ("trials/t00001.json", b"[" * 100_000),
    ],
)
def test_a_damaged_file_costs_what_is_drawn_of_it(results, name, damage):
    for entry in results.glob("studies/*/*/entry.json"):
        (entry.parent / name).write_bytes(damage)
    assert all(entry.name in _page(results) or entry.family in _page(results) for entry in collect(results).entries)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), int(HUGE), None, "x"])
@pytest.mark.parametrize("where", ["f1", "epoch", "number", "params"])
def test_a_record_with_numbers_that_are_none_is_no_hindrance(results, value, where):
    path = next(results.glob("studies/*/tfidf/trials/*.json"))
    record = json.loads(path.read_text())
    if where in ("f1", "epoch"):
        _edit(path, epochs=[leg | {where: value} for leg in record["epochs"]])
    else:
        _edit(path, **{where: dict.fromkeys(record["params"], value) if where == "params" else value})
    assert "NaN" not in _page(results).partition("<script>")[0]


@pytest.mark.parametrize("probability", [-1.0, 2.5])
def test_a_probability_that_is_none_is_told(results, probability):
    path = next(results.glob("studies/*/tfidf/test_predictions.parquet"))
    table = pq.read_table(path)
    place = table.column_names.index("fake_probability")
    pq.write_table(table.set_column(place, "fake_probability", pa.array([probability] * len(table))), path)
    assert "is drawn nowhere (a fake probability is not between 0 and 1)" in _page(results)


def test_what_nobody_foresaw_costs_one_entry_its_details(results, monkeypatch):
    def fails(folder):
        raise IndexError("nobody foresaw it")

    monkeypatch.setattr(details, "command_of", fails)
    page = _page(results)
    assert page.count("is shown without what lies beside it (nobody foresaw it)") == 2
    assert "Confusion matrix" in page
