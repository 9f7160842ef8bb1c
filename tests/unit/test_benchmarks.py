"""That the benchmark of packs runs from end to end, on a tiny model; its numbers here mean nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_packs_are_held_against_the_best_peer(tmp_path: Path) -> None:
    output = tmp_path / "packed.json"
    size = ["--shape", "tiny", "--rows", "40", "--slots", "2", "--seconds", "0.01", "--output", str(output)]
    parts = ["--parts", "peers", "pack", "wide", "--match", "recipe", "unpadded, batch 16, bfloat16"]
    command = [sys.executable, "benchmarks/packed.py", *size, *parts]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(output.read_text())
    assert [len(peer["runs"]) for peer in found["peers"]] == [3, 3]
    assert all(sorted(peer["runs"])[1] == peer["reviews_per_second"] for peer in found["peers"])
    best = max(peer["reviews_per_second"] for peer in found["peers"])
    assert [pack["name"] for pack in found["packs"]] == [
        "pack of 2, rank 16, attention",
        "pack of 2, rank 64, all-linear",
    ]
    for pack in found["packs"]:
        first, second = pack["epochs"]
        # 40 reviews in each of two slots, compilation within the first.
        assert first["reviews_per_second"] * first["seconds"] == pytest.approx(80, rel=1e-6)
        assert second["reviews_per_second"] * second["seconds"] == pytest.approx(80, rel=1e-6)
        times = found["times_best_peer"][pack["name"]]
        assert times["steady"] == pytest.approx(pack["reviews_per_second"] / best)
        assert times["epoch 1"] == pytest.approx(first["reviews_per_second"] / best)
        assert pack["warm_up_seconds"] >= first["seconds"] + second["seconds"]
    assert run.stdout.count("times the best peer") == 2
