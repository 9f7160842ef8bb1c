"""Standard output where it cannot be written or nobody reads it, as after `head`."""

import os
import select
import sys

from reviewtune.errors import ReviewtuneError


def flush() -> None:
    """Write what standard output still holds; there is none where it was closed from the start."""
    if not sys.stdout:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence()
        raise ReviewtuneError(f"standard output cannot be written ({error.strerror}): give it another place") from None


def blamed(error: BaseException) -> BaseException:
    """What to tell of: where an error of no file was standard output's, of which the rest is yet to come, that."""
    if not isinstance(error, OSError) or error.filename is not None:
        return error
    try:
        flush()
    except (ReviewtuneError, BrokenPipeError) as told:
        return told
    return error


def silence() -> None:
    """Give up standard output: the interpreter would complain once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def nobody_reads() -> bool:
    """Whether the pipe that standard output goes to has been left by its reader."""
    pipe = select.poll()
    pipe.register(sys.stdout, 0)  # errors are told whatever is asked for
    return bool(pipe.poll(0))
