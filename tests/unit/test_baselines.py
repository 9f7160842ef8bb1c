"""The kept numbers of benchmarks, and the script that compares new ones with them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark_modules import load_benchmark

ROOT = Path(__file__).resolve().parents[2]
BASELINES = sorted((ROOT / "benchmarks" / "baselines").glob("*.json"))
compare = load_benchmark("compare")


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_a_baseline_says_what_it_is_of(path: Path) -> None:
    kept = json.loads(path.read_text())
    assert set(kept) == {"title", "date", "machine", "command", "metrics"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", kept["date"])
    words = kept["command"].split()
    assert words[0] == "reviewtune" or (ROOT / words[1]).is_file()
    for metric in kept["metrics"].values():
        assert metric["value"] > 0
        assert metric["better"] in ("higher", "lower")
        assert metric.get("low", 0) <= metric["value"] <= metric.get("high", metric["value"])


def test_the_page_is_that_of_the_baselines() -> None:
    assert compare.PAGE.read_text() == compare.page(), "run python benchmarks/compare.py"


@pytest.mark.parametrize(
    ("better", "new", "regressed"),
    [("higher", 96, False), ("higher", 94, True), ("higher", 200, False), ("lower", 104, False), ("lower", 106, True)],
)
def test_what_is_worse_by_more_than_a_twentieth_is_flagged(better: str, new: float, regressed: bool) -> None:
    kept = {"rate": {"value": 100, "unit": "reviews/s", "better": better}}
    ((line, flagged),) = compare.compared(kept, {"rate": {"value": new}})
    assert flagged == regressed == ("REGRESSION" in line)


def test_what_packed_writes_is_compared_with_its_baseline(tmp_path: Path) -> None:
    kept = json.loads((ROOT / "benchmarks" / "baselines" / "packed.json").read_text())["metrics"]

    def pack(name: str, share: float) -> dict[str, Any]:
        rates = [share * kept[key]["value"] for key in (name, f"{name}: epoch 1", f"{name}: epoch 2")]
        epochs = [{"reviews_per_second": rate} for rate in rates[1:]]
        return {"name": name, "reviews_per_second": rates[0], "epochs": epochs}

    found = {
        "packs": [pack("pack of 16, rank 16, attention", 0.9), pack("pack of 16, rank 64, all-linear", 1.1)],
        "peers": [{"reviews_per_second": 283}],
    }
    (tmp_path / "packed.json").write_text(json.dumps(found))
    command = [sys.executable, "benchmarks/compare.py", "packed", str(tmp_path / "packed.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("REGRESSION") == 3
    assert "pack of 16, rank 64, all-linear: 1588 -> 1746.8 reviews/s (better by 10.0%)" in done.stdout
