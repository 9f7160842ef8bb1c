"""What a failed Ray worker's text says went wrong, in one line."""

import re

EXCEPTION_LINE = re.compile(r"((?:\w+\.)*)(\w*(?:Error|Exception|Interrupt|Exit|Warning))(?:: (.*))?")
"""Module, name and first line of the message, as Python prints them unindented below the frames."""

LONGEST = 500


def reason_in(text: str) -> str:
    """The last exception in the text of a traceback that is not one of Ray's own wrappers.

    Args:
        text: What Ray keeps or raises; empty where the worker left nothing.

    Returns:
        `Name: message`, the message alone for an error of reviewtune's, which is a sentence by itself.
    """
    found = [match for line in text.splitlines() if (match := EXCEPTION_LINE.fullmatch(line.rstrip()))]
    if not found:
        return "its worker died, perhaps for want of memory"
    module, name, message = ([match for match in found if not match[1].startswith("ray.")] or found)[-1].groups()
    if not message:
        return str(name)
    return (message if module.startswith("reviewtune.") else f"{name}: {message}")[:LONGEST]
