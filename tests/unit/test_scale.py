"""That the benchmark of scale runs from end to end; its numbers here mean nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.benchmark_modules import load_benchmark

ROOT = Path(__file__).resolve().parents[2]


def test_made_reviews_are_those_of_their_seed_with_near_duplicates_and_boilerplate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = load_benchmark("many_reviews")
    texts = [f"the zip of my tent number {number} broke on the first day of our trip" for number in range(30)]
    monkeypatch.setattr(many, "PART_ROWS", 150)
    fake = np.arange(30) % 2 == 0

    def made(seed: int) -> pa.Table:
        return pa.concat_tables(many.Recombined(texts, fake, seed).parts(400))

    table = made(0)
    assert table.equals(made(0))
    assert not table.equals(made(1))
    assert len(table) == 400
    assert set(table["label"].to_pylist()) == {"fake", "genuine"}
    said = [many.SENTENCE in text for text in table["text"].to_pylist()]
    assert 8 < sum(said) < 40


@pytest.mark.slow
def test_every_station_is_measured() -> None:
    stations = ["load", "clusters", "split", "vectors"]
    command = [sys.executable, "benchmarks/scale.py", "--rows", "700", "--stations", *stations]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    rows = [line.split("|")[1:-1] for line in run.stdout.splitlines()[2:]]
    assert [row[1].strip() for row in rows] == stations
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in rows)
