"""A program that is terminated, in a process of its own."""

import signal
import subprocess
import sys
import threading

import pytest

from reviewtune.interrupt import INTERRUPTED, terminated_as_interrupted

PROGRAM = """
import sys, time
from reviewtune import interrupt

interrupt.GRACE_SECONDS = 0.5
try:
    with interrupt.terminated_as_interrupted():
        try:
            print("running", flush=True)
            time.sleep(60)
        finally:
            time.sleep({cleaning})
except KeyboardInterrupt:
    time.sleep(1)
    sys.exit("left by itself")
"""


@pytest.mark.parametrize(
    ("cleaning", "deaf", "status", "said"),
    [
        (60, False, INTERRUPTED, "reviewtune: interrupted; what has finished is kept, and the same command goes on"),
        (60, True, INTERRUPTED, ""),
        (0, False, 1, "left by itself"),
    ],
)
def test_who_does_not_get_out_in_time_is_ended(cleaning: float, deaf: bool, status: int, said: str) -> None:
    program = PROGRAM.format(cleaning=cleaning)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "running\n"
        if deaf:
            process.stderr.close()
        process.terminate()
        assert process.wait(timeout=30) == status
        if not deaf:
            assert process.stderr.read().startswith(said)
    finally:
        process.kill()


def test_what_a_program_did_at_sigterm_it_does_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminated_as_interrupted():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_are_left_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with terminated_as_interrupted():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
