import io

import pytest
from rich.console import Console

from reviewtune.data.watching import tell
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.records import EpochRecord, TrialRecord

HALFWAY = EpochRecord(epoch=1.5, f1=0.7, accuracy=0.5, roc_auc=0.5, fit_seconds=2)
WIDE_ERROR = "the label column must hold two labels [/red], it holds 3: " + "many words, " * 20 + "and more"


def record(number: int, f1: float | None, **changes: object) -> TrialRecord:
    epochs = [] if f1 is None else [EpochRecord(epoch=1, f1=f1, accuracy=0.5, roc_auc=0.5, fit_seconds=2)]
    fields = {"params": {"C": 0.123456, "kind": "rbf"}, "status": "finished" if epochs else "failed", "epochs": epochs}
    return TrialRecord.model_validate({"trial_id": f"t{number}", "number": number, **fields, **changes})


def shown(*, terminal: bool, width: int = 60) -> tuple[Progress, io.StringIO]:
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=terminal, color_system=None)
    return Progress({"svm": 2, "qlora": 1}, console), output


def test_without_a_terminal_each_event_is_one_line() -> None:
    progress, output = shown(terminal=False)
    with progress:
        progress.begin("svm", "tuning", [])
        progress.trial("svm", "started", record(1, None))
        progress.trial("svm", "ended", record(1, 0.5, is_default=True))
        progress.trial("svm", "ended", record(2, 0.75, epochs=[HALFWAY]))
        progress.end("svm", "done", 0.7)
        progress.trial("qlora", "ended", record(1, None, error=WIDE_ERROR))
        progress.end("qlora", "done", 0.9)
    assert output.getvalue().splitlines() == [
        "svm: tuning",
        "svm 1/2 finished: F1 0.5000 (best 0.5000), 1 epoch, 2.0 s, the default configuration: C=0.123 kind=rbf",
        "svm 2/2 finished: F1 0.7000 (best 0.7000), 1.5 epochs, 2.0 s: C=0.123 kind=rbf",
        "svm: done, test F1 0.7000 (0 s)",
        f"qlora trial t1 failed: {WIDE_ERROR}",
        "qlora: done, test F1 0.9000 (kept from before)",
    ]


def test_what_befalls_all_trials_at_once_is_told_once() -> None:
    progress, output = shown(terminal=False)
    lost = {"status": "lost", "error": "the workers ended"}
    with progress:
        progress.begin("svm", "tuning", [])
        progress.trial("svm", "ended", record(1, None, **lost))
        progress.trial("svm", "ended", record(2, 0.5, **lost))
        progress.trial("svm", "ended", record(3, None, error="it diverged"))
        progress.trial("svm", "ended", record(4, None, error="it diverged"))
        progress.begin("svm", "tuning", [])
        progress.trial("svm", "ended", record(5, None, **lost))
    once = "was lost and will be tried again: the workers ended (told once, for all that this befalls)"
    assert output.getvalue().splitlines() == [
        "svm: tuning",
        f"svm trial t1 {once}",
        "svm trial t3 failed: it diverged",
        "svm trial t4 failed: it diverged",
        "svm: tuning",
        f"svm trial t5 {once}",
    ]


def test_a_third_of_an_epoch_is_told_in_two_digits() -> None:
    progress, output = shown(terminal=False, width=120)
    third = HALFWAY.model_copy(update={"epoch": 1 / 3})
    with progress:
        progress.begin("svm", "tuning", [])
        progress.trial("svm", "leg", record(1, 0.5, epochs=[third]))
        console = Console(file=output, width=120, color_system=None)
        console.print(progress.table())
        progress.trial("svm", "ended", record(1, 0.5, epochs=[third]))
    _, svm, *_, ended = output.getvalue().splitlines()[1:]
    assert svm.rstrip().endswith("1 running, epochs 0.33")
    assert ", 0.33 epochs, " in ended


@pytest.mark.parametrize("width", [60, 120])
def test_the_live_table_shows_how_fast_a_pack_is(width: int) -> None:
    progress, _ = shown(terminal=True, width=width)
    progress.begin("qlora", "tuning", [])
    epoch = EpochRecord(epoch=1, f1=0.5, accuracy=0.5, roc_auc=0.5, fit_seconds=2, pack_reviews_per_second=24714.3)
    progress.trial("qlora", "leg", record(1, 0.5, epochs=[epoch]))
    output = io.StringIO()
    Console(file=output, width=width, color_system=None).print(progress.table())
    lines = output.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert lines[-1].rstrip().endswith("1 running, 24,714 reviews/s" if width > 60 else "1 running")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_live_table_fits_and_tells_how_far_each_family_is(width: int) -> None:
    progress, _ = shown(terminal=True, width=width)
    progress.begin("svm", "tuning", [record(1, 0.5, is_default=True)])
    progress.trial("svm", "leg", record(2, 0.75))
    progress.trial("svm", "leg", record(3, 0.7, epochs=[HALFWAY]))
    output = io.StringIO()
    Console(file=output, width=width, color_system=None).print(progress.table())
    head, svm, qlora = output.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in (head, svm, qlora)) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in output.getvalue()
    assert svm.split()[:4] == ["svm", "1/2", "0.7500", "0.5000"]
    assert qlora.split()[:2] == ["qlora", "0/1"]
    assert svm.endswith("2 running, epochs 1 1.5" if width >= 80 else "2 running")


def prepared(progress: Progress, done: int, seconds: float, width: int) -> list[str]:
    progress._pace.clock = lambda: seconds
    tell("embedding", done, 40_432)
    table = io.StringIO()
    Console(file=table, width=width, color_system=None).print(progress.table())
    assert "\N{HORIZONTAL ELLIPSIS}" not in table.getvalue()
    return [line.rstrip() for line in table.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("width", "first", "later"),
    [(60, "  2% ready", "  32% ready"), (80, "  1,000/40,432", "  13,000/40,432, 13.7 min left")],
)
def test_the_live_table_tells_how_far_the_inputs_of_a_family_are(width: int, first: str, later: str) -> None:
    progress, _ = shown(terminal=True, width=width)
    with progress:
        progress.begin("svm", "preparing", [])
        assert prepared(progress, 1_000, 10, width)[1].endswith(first)
        _, svm, qlora = prepared(progress, 13_000, 370, width)
        assert svm.endswith(later)
        assert qlora.endswith("waiting")
        progress.begin("svm", "tuning", [])
        assert prepared(progress, 14_000, 400, width)[1].endswith("tuning")


def test_without_a_terminal_a_line_now_and_then_tells_how_far_the_inputs_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewtune.tuning.waiting.EVERY_SECONDS", 0)
    progress, output = shown(terminal=False)
    with progress:
        progress.begin("svm", "preparing", [])
        tell("embedding", 128, 1000)
        progress.begin("svm", "tuning", [])
        tell("embedding", 256, 1000)
    tell("embedding", 512, 1000)
    assert output.getvalue().splitlines() == ["svm: preparing", "svm: embedding 128 of 1,000 reviews", "svm: tuning"]


def test_a_line_stays_a_line() -> None:
    progress, output = shown(terminal=False)
    progress.say("my\nstudy \x1b[31m")
    assert output.getvalue() == "my\\nstudy \\x1b[31m\n"
