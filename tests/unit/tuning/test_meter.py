from itertools import count

import pytest

from reviewtune.tuning.meter import DeviceMeter, Spent


def test_a_share_of_what_others_spent_is_added() -> None:
    spent = Spent().plus(0.25, Spent(4.0, 100.0)).plus(1.0, Spent(1.0, 10.0))
    assert (spent.seconds, spent.joules) == (2.0, 35.0)


def test_what_was_not_measured_once_is_not_known_any_more() -> None:
    spent = Spent(1.0, 5.0).plus(1.0, Spent(2.0, None)).plus(1.0, Spent(1.0, 7.0))
    assert (spent.seconds, spent.joules) == (4.0, None)


def test_a_meter_counts_from_look_to_look() -> None:
    counter = count(100, 10)
    meter = DeviceMeter(lambda: float(next(counter)))
    assert meter.take().joules == 10
    meter.restart()
    assert [meter.take().joules, meter.take().joules] == [10, 10]


def test_a_counter_that_fails_for_once_leaves_a_gap() -> None:
    told = iter([1.0, None, 3.0, 4.0])
    meter = DeviceMeter(lambda: next(told))
    assert [meter.take().joules for _ in range(3)] == [None, None, 1.0]


def test_without_a_gpu_time_alone_is_measured() -> None:
    first = DeviceMeter().take()
    assert first.joules is None
    assert first.seconds == pytest.approx(0, abs=1)
