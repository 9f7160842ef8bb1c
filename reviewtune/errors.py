"""What goes wrong in words a user can act on.

Every message is one line: the rule that was broken, the value that broke it, and the valid choices or the command to
run next. The errors carry nothing but that line, so they survive pickling between Ray processes.
"""


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


class StudyError(ReviewtuneError):
    """A study could not produce what was asked of it."""


class MachineError(StudyError):
    """What a trial ran on went away or was full: nothing is wrong with the trial, which is tried again."""
