"""What goes wrong in words a user can act on.

Every message is one line: the rule that was broken, the value that broke it, and the valid choices or the command to
run next. The errors carry nothing but that line, so they survive pickling between Ray processes.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from reviewtune.storage.place import named

LONGEST_LINE = 2000
"""Characters of a message; of a longer one the middle is left out, since the mend stands at its end."""


class ReviewtuneError(Exception):
    """A failure that the user can understand and mend; the program prints its line and exits with `exit_status`."""

    exit_status = 1


class UsageError(ReviewtuneError):
    """The command line or the configuration is not valid."""

    exit_status = 2


class DataError(ReviewtuneError):
    """The reviews cannot be used as they are."""


class EncoderError(ReviewtuneError):
    """A base model cannot be found, loaded or quantised."""


class ArtifactError(ReviewtuneError):
    """A folder is not an artifact, or its files are missing or damaged."""


class HubError(ReviewtuneError):
    """The Hugging Face Hub cannot be reached, or refuses."""


class StudyError(ReviewtuneError):
    """A study could not produce what was asked of it."""


class MachineError(StudyError):
    """What a trial ran on went away or was full: nothing is wrong with the trial, which is tried again."""


class StorageError(MachineError, OSError):
    """The bucket of the results cannot be reached, or refuses."""


def escaped(text: str) -> str:
    r"""The text with what a terminal would obey, or break a line at, written out.

    Examples:
        >>> print(escaped("red\x1b[31m"))
        red\x1b[31m
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def one_line(text: str) -> str:
    r"""The text as one line that does nothing to a terminal: control characters and line breaks are escaped.

    What lies in a bucket has its address there, not that of this machine's copy.

    Examples:
        >>> print(one_line("two\nlines"))
        two\nlines
    """
    line = escaped(named(text))
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE // 2]} [...] {line[-LONGEST_LINE // 2 :]}"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`did you mean CHOICE? ` for the choice that is nearly the word; empty where none is.

    Examples:
        >>> did_you_mean("qlorra", ["svm", "qlora"])
        'did you mean qlora? '
    """
    close = get_close_matches(word, list(choices), n=1)
    return f"did you mean {close[0]}? " if close else ""
