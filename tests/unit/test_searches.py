"""That simulated searches run from end to end, on few of the kept curves, and stop trials as real ones do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from ray.tune.schedulers import TrialScheduler

from reviewtune.tuning.records import BEST_JUDGED, PROGRESS
from reviewtune.tuning.scheduler import make_scheduler
from tests.benchmark_modules import load_benchmark

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schedulers() -> Any:
    return load_benchmark("schedulers")


class RealTrial:
    """What Ray's scheduler looks at of a trial."""

    def __init__(self, number: int) -> None:
        self.trial_id = f"t{number}"
        self.config = {"number": number}


def simulated(schedulers: Any, number: int, seen: Any) -> Any:
    return schedulers.Simulated(number, {}, seen, seen, None)


def end_leg(scheduler: Any, trial: Any) -> bool:
    trial.best = max(trial.best, float(trial.seen[trial.legs]))
    trial.legs += 1
    stays: bool = scheduler.goes_on(trial)
    return stays


def test_simulated_asha_decides_as_the_real_one(schedulers: Any) -> None:
    random = np.random.default_rng(0)
    mine, real = schedulers.Asha(), make_scheduler(trains_in_epochs=True, defaults={"number": 0})
    trials = [simulated(schedulers, number, random.random(int(random.integers(2, 6)))) for number in range(60)]
    twins = {trial: RealTrial(trial.number) for trial in trials}
    for twin in twins.values():
        real.on_trial_add(None, twin)
    running, stopped = list(trials), 0
    while running:
        trial = running[int(random.integers(len(running)))]
        stays = end_leg(mine, trial)
        result = {PROGRESS: trial.percent, BEST_JUDGED: trial.best, "training_iteration": trial.legs}
        assert stays == (real.on_trial_result(None, twins[trial], result) == TrialScheduler.CONTINUE)
        if not stays:
            stopped += trial.percent < 100
            running.remove(trial)
    assert stopped > 15


def test_a_paused_trial_is_taken_up_once_it_is_in_the_upper_half(schedulers: Any) -> None:
    scheduler = schedulers.Promotion()
    good, fair, bad, worse, worst = (
        simulated(schedulers, number, np.full(4, f1)) for number, f1 in enumerate((0.9, 0.8, 0.7, 0.6, 0.5), start=1)
    )
    assert end_leg(scheduler, good)
    assert not end_leg(scheduler, fair)
    assert scheduler.taken_up() is None
    assert not end_leg(scheduler, bad)
    assert not end_leg(scheduler, worse)
    assert scheduler.taken_up() is fair
    assert not end_leg(scheduler, worst)
    assert scheduler.taken_up() is None


def test_pasha_lets_trials_past_the_last_rung_once_rungs_disagree(schedulers: Any) -> None:
    scheduler = schedulers.Pasha()
    curves = ([0.8, 0.8, 0, 0], [0.9, 0.9, 0, 0], [0.86, 0.95, 0, 0], [0.87, 0.87, 0, 0])
    first, second, third, fourth = (simulated(schedulers, n, np.array(f1)) for n, f1 in enumerate(curves, start=1))
    for trial in (first, second):
        assert end_leg(scheduler, trial)
        assert not end_leg(scheduler, trial)
    assert scheduler.taken_up() is None
    # It overtakes the second between the rungs.
    assert end_leg(scheduler, third)
    assert end_leg(scheduler, third)
    assert end_leg(scheduler, fourth)
    assert not end_leg(scheduler, fourth)
    assert scheduler.taken_up() is second


@pytest.mark.slow  # Each of its processes imports torch.
def test_searches_are_simulated_and_go_on_where_they_ended(tmp_path: Path) -> None:
    curves = pq.read_table(ROOT / "results" / "minilm_curves.parquet")
    pq.write_table(curves.filter(np.array(curves["number"]) < 100), tmp_path / "curves.parquet")
    output = tmp_path / "searches.jsonl"
    command = [
        sys.executable,
        "benchmarks/searches.py",
        "--curves",
        str(tmp_path / "curves.parquet"),
        "--searches",
        "1",
    ]
    kinds = ["--slots", "8", "--budgets", "8", "16", "--samplers", "random", "sobol+tpe", "--schedulers", "promotion"]
    for _ in range(2):
        run = subprocess.run(
            [*command, *kinds, "--processes", "1", "--output", str(output)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        rows = [json.loads(line) for line in output.read_text().splitlines()]
        assert len(rows) == 2 * 2 * 2
        assert run.stdout.count("| promotion |") == 8
    assert all(row["trials"] == row["budget"] for row in rows if row["counts"] == "trials")
    assert all(row["tokens"] == pytest.approx(row["budget"], abs=0.3) for row in rows if row["counts"] == "tokens")
    assert all(row["regret_of_finalists"] <= row["regret"] for row in rows)
