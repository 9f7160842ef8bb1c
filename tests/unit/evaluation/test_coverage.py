"""That intervals, ties and gains keep their promise, in the simulated studies of benchmarks/coverage.py."""

from types import ModuleType

import pytest

from tests.benchmark_modules import load_benchmark

STUDIES = 1000
NOISE = 0.015
"""Two standard errors of a share of 0.95 among so many studies."""


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    return load_benchmark("coverage")


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 1000, 3000])
@pytest.mark.parametrize("size", [1, 2, 5, 10, 20])
def test_intervals_ties_ranks_and_gains_hold_what_they_promise(coverage: ModuleType, size: int, rows: int) -> None:
    for cell in coverage.cells([size], [rows]):
        found = coverage.simulate(cell, STUDIES)
        assert found.covers > 0.93 - NOISE, cell
        # Where it is not rough, an interval is not too wide either.
        assert found.rough > 0.1 or found.covers < 0.97 + NOISE, cell
        assert found.rank_1 > 0.93 - NOISE, cell
        assert found.behind < 0.05 + NOISE, cell
        assert found.verdict < 0.06 + NOISE, cell
        assert found.gain > 0.95 - NOISE, cell
        if size >= 5 and cell.share == 0.5:
            assert found.as_if_alone < 0.85, cell


def test_a_small_simulation_tells_related_reviews_and_luck_from_what_is_promised(coverage: ModuleType) -> None:
    cell = coverage.Cell(rows=600, size=10, units="groups", share=0.5, f1=0.8)
    found = coverage.simulate(cell, 200)
    assert found.covers > 0.9 > 0.8 > found.as_if_alone
    assert found.behind <= found.verdict < 0.1
    assert found.gain > found.gain_alone


def test_a_table_has_a_row_a_kind_of_split_and_marks_what_is_rough(coverage: ModuleType) -> None:
    values = dict.fromkeys(coverage.Found.__dataclass_fields__, 0.25)
    found = {cell: coverage.Found(**values) for cell in coverage.cells([1, 5], [200])}
    last = list(found)[-1]
    found[last] = coverage.Found(**(values | {"covers": 0.9876, "rough": 0.6}))
    assert coverage.table(found, "covers").splitlines()[2:] == [
        "| 200 | 1 |" + " 0.250 |" * 6,
        "| 200 | 5, groups |" + " 0.250 |" * 6,
        "| 200 | 5, copies |" + " 0.250 |" * 5 + " 0.988* |",
    ]
