"""How a program ends before its work is done: by Ctrl-C, or by SIGTERM, as queues, containers and `ray job stop` do."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130
"""The exit status."""

GRACE_SECONDS = 10
"""How long a terminated program may take to leave. Whoever terminates a whole process group ends Ray's processes too:
what is asked of them then is never answered."""


def say_interrupted() -> None:
    """Tell on standard error what became of the work."""
    print(
        "reviewtune: interrupted; what has finished is kept, and the same command goes on from there", file=sys.stderr
    )


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Raise KeyboardInterrupt at a SIGTERM, and leave for good `GRACE_SECONDS` later.

    For the time after `ray.init`, whose own way is to print its stack and die. Outside the main thread, which alone
    hears of signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: Any) -> None:
    last = threading.Timer(GRACE_SECONDS, _leave)
    last.daemon = True
    last.start()
    signal.default_int_handler(number, frame)


def _leave() -> None:
    say_interrupted()
    sys.stderr.flush()
    os._exit(INTERRUPTED)
