"""One kill by the whole program; the hundred others are `kills.py`'s."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import LIMIT_SECONDS
from tests.faults.kill import Killed, Place, kill
from tests.faults.said import is_plain


def assert_well(killed: Killed) -> None:
    assert killed.kills, "the study ended before there was anything to kill"
    assert killed.runs[-1].status == 0, killed.kills[-1].said
    assert not killed.hung
    assert (killed.lost, killed.doubled, killed.differs, killed.left, killed.paused) == ([], [], [], [], [])
    for said in (said for each in killed.kills for said in each.said):
        assert is_plain(said), "\n".join(said)


def test_a_study_whose_driver_is_killed_loses_and_doubles_nothing(killed_driver: tuple[Killed, Path]) -> None:
    killed, _ = killed_driver
    assert_well(killed)
    assert [run.status for run in killed.runs] == [-9, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "component"),
    [
        ("inline", "trial"),
        ("inline", "raylet"),
        ("packed", "broker"),
        ("packed", "crew"),
        ("packed", "worker"),
        ("packed", "gcs"),
        ("ddp", "worker"),
    ],
)
def test_a_killed_component_costs_nothing(
    executor: str, component: str, apart: Callable[..., Any], inputs: Path, tmp_path: Path
) -> None:
    assert_well(apart(kill, executor, [component], 0, Place(inputs, tmp_path / "results", None, LIMIT_SECONDS)))
