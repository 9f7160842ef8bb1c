import io
import time

import pytest
from rich.console import Console

from reviewtune.data.watching import tell, watched
from reviewtune.tuning import waiting as module
from reviewtune.tuning.waiting import Pace, Seldom, showing, waiting


def test_the_rest_is_told_by_the_speed_since_the_first_were_done() -> None:
    times = iter([100.0, 100.0, 104.0, 110.0])
    pace = Pace(clock=lambda: next(times))
    assert [pace.line("embedding", done, 5000) for done in (0, 1000, 2000, 5000)] == [
        "embedding 0 of 5,000 reviews",
        "embedding 1,000 of 5,000 reviews",
        "embedding 2,000 of 5,000 reviews, 12 s left",
        "embedding 5,000 of 5,000 reviews",
    ]


def test_lines_are_said_now_and_then() -> None:
    said: list[str] = []
    times = iter([0.0, 1.0, 14.9, 15.0, 15.0, 29.0, 30.5, 30.5])
    seldom = Seldom(said.append, clock=lambda: next(times))
    for number in range(5):
        seldom(f"line {number}")
    assert said == ["line 2", "line 4"]


@pytest.mark.parametrize("terminal", [True, False])
def test_something_slow_is_shown_while_it_lasts(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.5)
    out = io.StringIO()
    with waiting(Console(file=out, force_terminal=terminal, color_system=None, width=80), "Ray [starts]"):
        time.sleep(1.3)
    assert "Ray [starts] (1 s)" in out.getvalue()


def test_something_quick_leaves_no_line() -> None:
    out = io.StringIO()
    with waiting(Console(file=out), "Ray starts"), showing(Console(file=out), "more") as show:
        show("and more")
    assert out.getvalue() == ""


def test_whoever_watches_is_told_and_nobody_else() -> None:
    told: list[tuple[str, int, int]] = []
    with watched(lambda *count: told.append(count)):
        tell("embedding", 1, 2)
    tell("embedding", 2, 2)
    assert told == [("embedding", 1, 2)]
