from typing import Any

import pytest

from reviewtune.tuning.growth import Growth
from reviewtune.tuning.pack_watch import LOST_SECONDS, PackWatch


def watch(said: list[str], clock: Any = lambda: 0.0, growth: Growth | None = None) -> PackWatch:
    return PackWatch(None, said.append, 1, growth or Growth(1, 4, 0, 0, 8), clock=clock, _most=1)


def test_those_that_join_are_told_once() -> None:
    said: list[str] = []
    looking = watch(said)
    for count in (0, 1, 2, 1, 2, 4):
        looking.note(count)
    assert said == ["2 packs train now", "4 packs train now"]
    assert looking.at_work == 4


def test_that_none_is_left_is_told_once_after_a_while() -> None:
    said: list[str] = []
    now = 0.0
    looking = watch(said, lambda: now)
    looking.note(0)
    now = 10 * LOST_SECONDS
    looking.note(0)
    assert said == []
    looking.note(1)
    for _ in range(4):
        looking.note(0)
        now += LOST_SECONDS / 2
    assert said == ["no pack has a machine any more: trials wait until one joins; Ctrl-C keeps what has finished"]


@pytest.mark.parametrize(
    ("growth", "told"),
    [
        (Growth(2, 4, 2, 0, 8), []),
        (Growth(0, 4, 0, 4, 8), ["waits for room for a pack, by --min-gpus and --max-gpus; there is room for 0"]),
        (Growth(1, 4, 3, 4, 8), ["waits for room for 3 packs, by --min-gpus and --max-gpus; there is room for 1"]),
    ],
)
def test_what_is_waited_for_is_told(growth: Growth, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    looking = watch(said, growth=growth)
    monkeypatch.setattr(PackWatch, "_look_on", lambda self: None)
    with looking:
        looking.await_least(lambda: True)
    assert said == told
