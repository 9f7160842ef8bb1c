"""What a failed Ray worker's text says went wrong, in one line."""

import builtins
import re

from reviewtune.errors import ReviewtuneError

EXCEPTION_LINE = re.compile(r"((?:\w+\.)*)(\w*(?:Error|Exception|Interrupt|Exit|Warning))(?:: (.*))?")
"""Module, name and first line of the message, as Python prints them unindented below the frames."""

LONGEST = 500

DEATHS = {"ActorDiedError", "RayActorError", "WorkerCrashedError", "NodeDiedError", "WorkerGroupError"}
"""Ray's, by name; their messages are pages about its own parts. Where the last one holds no other, workers died."""
MACHINE_ERRORS = {"MachineError", "StorageError", "EncoderError", "MemoryError", "OutOfMemoryError", "AcceleratorError"}
"""By name, beside `OSError` and its kinds and Ray's own: what says nothing of the trial that met it."""


def reason_in(text: str) -> str:
    """The last exception in the text of a traceback that is not one of Ray's own wrappers.

    Args:
        text: What Ray keeps or raises; empty where the worker left nothing.

    Returns:
        `Name: message`, the message alone for an error of reviewtune's, which is a sentence by itself.
    """
    last = _last_exception(text)
    module, name, message = last.groups() if last else ("", None, None)
    if last is None or (module.startswith("ray.") and name in DEATHS):
        return "its worker died, perhaps for want of memory"
    if not message:
        return str(name)
    return (message if module.startswith("reviewtune.") else f"{name}: {message}")[:LONGEST]


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line without a stop at its end; its name where it says nothing.

    A long one is cut, unless it is one of reviewtune's own, at whose end its mend stands.
    """
    line = " ".join(str(error).split())
    return (line if isinstance(error, ReviewtuneError) else line[:LONGEST]).rstrip(".:") or type(error).__name__


def blames_machine(text: str) -> bool:
    """Whether what is told in the text of a traceback befell the process, and may not befall another.

    A process died, lost its network, its disk or its memory, or its base model. Where nothing is told, it was killed.

    Args:
        text: As for `reason_in`.
    """
    last = _last_exception(text)
    if last is None:
        return True
    module, name, message = last.groups()
    kind = getattr(builtins, name, None)
    is_os_error = isinstance(kind, type) and issubclass(kind, OSError)
    return module.startswith("ray.") or is_os_error or name in MACHINE_ERRORS or "CUDA error" in (message or "")


def _last_exception(text: str) -> re.Match[str] | None:
    found = [match for line in text.splitlines() if (match := EXCEPTION_LINE.fullmatch(line.rstrip()))]
    own = [match for match in found if not match[1].startswith("ray.")]
    return (own or found)[-1] if found else None
