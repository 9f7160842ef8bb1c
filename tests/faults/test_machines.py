"""A study over Ray nodes that share no folder; the long form is `machines.py`'s."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.machines import Outcome, run_form

LIMIT_SECONDS = 280


@pytest.fixture(autouse=True)
def _moto() -> None:
    pytest.importorskip("moto", reason="the S3 server needs moto, flask and flask-cors: pip install -e '.[dev]'")


def assert_well(outcome: Outcome) -> None:
    assert (outcome.lost, outcome.doubled) == ([], []), outcome
    assert outcome.statuses[-1] == 0, outcome


def test_a_node_that_is_lost_costs_nothing(apart: Callable[..., Any], inputs: Path, tmp_path: Path) -> None:
    outcome = apart(run_form, "short", inputs, tmp_path, LIMIT_SECONDS)
    assert_well(outcome)
    assert outcome.statuses == [0]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_families_go_on_after_a_node_and_the_driver_are_lost(
    apart: Callable[..., Any], inputs: Path, tmp_path: Path
) -> None:
    outcome = apart(run_form, "long", inputs, tmp_path, 3 * LIMIT_SECONDS)
    assert_well(outcome)
    assert outcome.statuses == [-9, 0]
