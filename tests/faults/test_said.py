"""What a fault makes a program say is told from its ordinary progress."""

import pytest

from tests.faults.said import LINES, commonest, extraordinary, in_short, is_plain

PROGRESS = [
    "reviews-26b51b4f in /tmp/results",
    "  300 of 300 rows kept: 149 fake, 151 genuine",
    "Ray starts (15 s)",
    "Ray dashboard: http://127.0.0.1:8265 (it asks for a token: `ray get-auth-token` prints it)",
    "mlp: preparing",
    "mlp: embedding 1,280 of 5,000 reviews, 40 s left",
    "mlp 1/6 finished: F1 0.6667 (best 0.6667), 40 epochs, 3.8 s: width=256",
    "mlp: models of 1 trial removed, 3 MB; those of the 3 best trials are kept (--keep-trials)",
    "mlp: done, test F1 0.6667 (53 s)",
]
FAILURE = "mlp trial 56b364a2 was lost and will be tried again: its worker died, perhaps for want of memory"


def test_progress_is_ordinary_and_a_failure_is_not() -> None:
    assert extraordinary([*PROGRESS, FAILURE]) == [FAILURE]


@pytest.mark.parametrize(
    ("lines", "plain"),
    [
        ([FAILURE], True),
        ([FAILURE] * (LINES + 1), False),
        (["Traceback (most recent call last):"], False),
        (["    @     0x7f8a2b00  ray::CoreWorker::Exit()"], False),
    ],
)
def test_few_lines_without_a_stack_are_plain(lines: list[str], plain: bool) -> None:
    assert is_plain(lines) is plain


def test_two_runs_that_differ_in_names_and_numbers_read_the_same() -> None:
    first, second = (
        f"mlp trial {name} failed in /tmp/{name}/results after {seconds} s"
        for name, seconds in (("56b364a2", 4), ("a1691124", 7.5))
    )
    assert in_short([first]) == in_short([second])
    assert commonest([in_short([first]), in_short([second]), "nothing"]).endswith("results after N s (2); nothing (1)")
