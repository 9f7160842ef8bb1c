"""The bar under the live table, and the file that says the same."""

import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from reviewtune.data.watching import tell
from reviewtune.evaluation.objective import OBJECTIVES
from reviewtune.progress_note import PROGRESS_FILE, read_progress
from reviewtune.tuning import progress_file
from reviewtune.tuning.family_progress import FamilyProgress
from reviewtune.tuning.live_view import live_view
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.records import EpochRecord, TrialRecord


def epoch(number: float, **more: Any) -> EpochRecord:
    return EpochRecord(epoch=number, f1=0.7, accuracy=0.5, roc_auc=0.5, fit_seconds=2, **more)


def record(number: int, *epochs: EpochRecord, **changes: Any) -> TrialRecord:
    fields = {"trial_id": f"t{number}", "number": number, "params": {"epochs": 4}, "status": "finished"}
    return TrialRecord.model_validate({**fields, "epochs": list(epochs), **changes})


def shown(width: int = 60, *, terminal: bool = True, folder: Path | None = None) -> Progress:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    return Progress({"svm": 2, "qlora": 4}, console, folder=folder)


def lines(progress: Progress) -> list[str]:
    output = io.StringIO()
    Console(file=output, width=progress.console.width, color_system=None).print(progress.view())
    assert "\N{HORIZONTAL ELLIPSIS}" not in output.getvalue()
    found = [line.rstrip() for line in output.getvalue().splitlines()]
    assert max(map(len, found)) <= progress.console.width
    return found


def at(progress: Progress, family: str, seconds: float) -> None:
    progress.families[family].pace.clock = lambda: seconds


def test_the_table_says_what_stands_where() -> None:
    columns = ["family", "trials", "best F1", "default", "test F1", "time", "now"]
    assert [name for name in re.split(r" {2,}", lines(shown(120))[0].strip()) if name] == columns


@pytest.mark.parametrize("width", [60, 120])
def test_the_bar_tells_how_far_a_search_is_and_how_long_it_takes(width: int) -> None:
    progress = shown(width)
    assert len(lines(progress)) == 3
    progress.end("svm", "done", 0.7)
    progress.begin("qlora", "tuning", [], 3)
    at(progress, "qlora", 0)
    progress.trial("qlora", "leg", record(1, epoch(2)))
    assert lines(progress)[3].split()[:2] == ["qlora", "tuning"]
    assert "12%" in lines(progress)[3]
    at(progress, "qlora", 10)
    progress.trial("qlora", "ended", record(1, epoch(4)))
    progress.trial("qlora", "leg", record(2, epoch(4)))
    assert "50%, 13 s left" in lines(progress)[3]
    assert ("; 1 of 2 families done" in lines(progress)[3]) is (width == 120)
    progress.begin("qlora", "assessing", [])
    assert len(lines(progress)) == 3


def test_what_is_counted_anew_has_a_pace_of_its_own() -> None:
    progress = shown()
    with progress:
        progress.begin("svm", "preparing", [])
        tell("embedding", 200, 1000)
        assert "svm preparing" in lines(progress)[3]
        assert "20%" in lines(progress)[3]
        progress.train_finalists("svm", 0, 8)
        at(progress, "svm", 0)
        progress.train_finalists("svm", 2, 8)
        lines(progress)
        at(progress, "svm", 60)
        progress.train_finalists("svm", 4, 8)
        assert "svm finalists" in lines(progress)[3]
        assert "50%, 2.0 min left" in lines(progress)[3]


def kept(folder: Path) -> Any:
    found = read_progress(folder / PROGRESS_FILE)
    assert found is not None
    return found


@pytest.mark.parametrize("terminal", [True, False])
def test_the_file_says_what_is_going_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setattr(progress_file, "EVERY_SECONDS", 0.01)
    folder = tmp_path / "s"
    with shown(folder=folder, terminal=terminal) as progress:
        assert kept(folder).state == "running"
        progress.begin("qlora", "tuning", [], 3)
        progress.trial("qlora", "ended", record(1, epoch(4), is_default=True))
        progress.trial("qlora", "ended", record(2, status="failed", error="it\ndiverged \x1b[31m"))
        progress.trial("qlora", "leg", record(3, epoch(1, pack_reviews_per_second=2194.5)))
        deadline = time.monotonic() + 20
        while len(kept(folder).lines) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    found = kept(folder)
    assert (found.study_id, found.state, found.objective) == ("s", "ended", "F1")
    svm, qlora = found.families
    assert (svm.state, svm.trials, svm.done, svm.slots) == ("waiting", {}, None, None)
    assert (qlora.state, qlora.num_trials, qlora.slots) == ("tuning", 4, 3)
    assert qlora.trials == {"finished": 1, "failed": 1, "running": 1}
    assert (qlora.done, qlora.total, qlora.best, qlora.default) == (2.25, 4, "0.7000", "0.7000")
    assert qlora.reviews_per_second == 2194.5
    assert found.lines[0] == "qlora: tuning"
    assert found.lines[1].startswith("qlora 1/4 finished: F1 0.7000")
    assert found.lines[2] == "qlora trial t2 failed: it\\ndiverged \\x1b[31m"


@pytest.mark.parametrize(("error", "state"), [(KeyboardInterrupt, "interrupted"), (ValueError, "failed")])
def test_the_file_says_how_it_ended_and_the_terminal_is_as_before(
    tmp_path: Path, error: type[BaseException], state: str
) -> None:
    progress = shown(folder=tmp_path / "s")
    with pytest.raises(error), progress:
        raise error
    assert kept(tmp_path / "s").state == state
    written = progress.console.file.getvalue()  # type: ignore[attr-defined]
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_a_file_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("no folder")
    with shown(folder=tmp_path / "s") as progress:
        progress.begin("svm", "tuning", [])


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / PROGRESS_FILE
    with shown(folder=tmp_path):
        pass
    found = kept(tmp_path)
    assert found.silent_for(datetime.now(UTC) + timedelta(seconds=60)) >= 60
    told = json.loads(path.read_text())
    for change in ({"updated": "yesterday"}, {"updated": "2026-01-01T00:00:00"}, {"state": "lost"}, {"more": 1}):
        path.write_text(json.dumps(told | change))
        assert read_progress(path) is None
    path.write_text("[")
    assert read_progress(path) is None
    assert read_progress(tmp_path / "none.json") is None


def test_what_changes_while_another_thread_looks_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = cycle([(1, 4), None])
    monkeypatch.setattr(FamilyProgress, "counted", property(lambda _: next(seen)))
    progress = FamilyProgress(4, state="tuning")
    assert progress.seconds_left is None
    assert next(seen) is None
    assert len(live_view({"svm": progress}, OBJECTIVES["f1"], 100).renderables) == 2  # type: ignore[union-attr]
