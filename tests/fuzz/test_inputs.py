"""The short form of `inputs.py`, in a process of its own: what ends it does not end the tests."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("inputs.py")
COUNT = 450


def test_damaged_inputs_are_read_rightly_or_refused_in_one_line() -> None:
    seed = random.randrange(10**6)
    command = [sys.executable, str(SCRIPT), "--count", str(COUNT), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{COUNT:,} inputs, 0 faults" in done.stdout
    total = done.stdout.splitlines()[-2].split("|")
    assert int(total[3].replace(",", "")) > COUNT / 5, "hardly any input is read, so hardly anything is tested"


def test_a_number_gives_the_same_input_in_any_process() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import holding\n"
        "print([holding.make_case(3, number) for number in range(90)])"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("raise ValueError('no')", "raised: ValueError: no"),
        ("raise holding.BrokenPromiseError('lost')", "broken: lost"),
        ("os.kill(os.getpid(), 11)", "crashed: exit status -11"),
        ("time.sleep(600)", "hung: more than 8 s"),
    ],
)
def test_each_kind_of_fault_is_found_and_the_other_inputs_are_read(fault: str, outcome: str) -> None:
    code = f"""
import os, sys, time
sys.path.insert(0, {str(SCRIPT.parent)!r})
import holding, inputs
seventh, sound = inputs.make_case(0, 7), inputs.hold
def hold(case):
    if case == seventh:
        {fault}
    return sound(case)
inputs.hold, inputs.LIMIT_S, sys.argv[1:] = hold, 8, ["--count", "20"]
sys.exit(inputs.main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stderr
    assert f"--seed 0 --case 7 (zip): {outcome}" in done.stdout
    assert "20 inputs, 1 faults" in done.stdout
