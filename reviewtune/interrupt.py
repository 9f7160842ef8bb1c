"""How a program ends before its work is done: by Ctrl-C, or by SIGTERM, as queues, containers and `ray job stop` do."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

INTERRUPTED = 130
"""The exit status."""

SHOW_CURSOR = "\x1b[?25h"
"""What every terminal understands."""
GRACE_SECONDS = 10
"""How long a terminated program may take to leave, though pack workers might want longer. Whoever terminates a whole
process group ends Ray's processes too: what is asked of them then is never answered."""


def say_interrupted() -> None:
    """Tell on standard error, if anyone still reads it, what became of the work."""
    with suppress(OSError):
        print(
            "reviewtune: interrupted; what has finished is kept, and the same command goes on from there",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """What the program did at a SIGTERM before this, it does again afterwards.

    Around `ray.init`, by which it would print its stack and die.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if hears_signals():
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Raise KeyboardInterrupt at a SIGTERM; should the program then not get out of here, end it `GRACE_SECONDS` later.

    Outside the main thread, which alone hears of signals, it does nothing.
    """
    if not hears_signals():
        yield
        return
    last = threading.Timer(GRACE_SECONDS, _leave)
    last.daemon = True

    def interrupt(number: int, frame: Any) -> None:
        with suppress(RuntimeError):  # a second SIGTERM: it runs
            last.start()
        signal.default_int_handler(number, frame)

    with sigterm_kept():
        signal.signal(signal.SIGTERM, interrupt)
        try:
            yield
        finally:
            last.cancel()


def _show_cursor() -> None:
    """Undo what a live table has hidden: nothing that is open is closed by this way out."""
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write(SHOW_CURSOR)


def hears_signals() -> bool:
    """Whether this is the main thread, which alone hears of signals."""
    return threading.current_thread() is threading.main_thread()


def _leave() -> None:
    try:
        _show_cursor()
        say_interrupted()
    finally:
        os._exit(INTERRUPTED)
