"""The command that makes a study again, as its settings are kept beside it."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reviewtune.config import StudyConfig

OF_THIS_RUN = {"dry_run", "preset", "address", "continue_entry", "epochs", "with_texts", "figures"}
"""Settings that say how it ran here and not what it is."""
SEVERAL = {"data", "transfer"}
"""Flags that are given once for each of their values."""
_FOLDERS = re.compile(r"(?:^|(?<==))(?:[A-Za-z]:)?[~/\\](?:[^/\\:]*[/\\])*")


def command_of(study_folder: Path) -> str | None:
    """The command line of the study in a folder; None where its settings are not there or not understood.

    Folders of this machine are left out of paths: a board is for others too.
    """
    try:
        settings = json.loads((study_folder / "config.json").read_bytes())
        usual = StudyConfig().model_dump(mode="json")
        told = [
            word
            for name, value in settings.items()
            if name in usual and name not in OF_THIS_RUN and value is not None and value != usual[name]
            for word in _flag(name, value)
        ]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return shlex.join(["reviewtune", "tune", *told])


def _flag(name: str, value: Any) -> Iterator[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        yield flag if value else flag.replace("--", "--no-", 1)
    elif name in SEVERAL and isinstance(value, list):
        for each in value:
            yield from (flag, _here(str(each)))
    elif isinstance(value, list):
        yield from (flag, ",".join(map(str, value)))
    elif isinstance(value, dict):
        yield from (flag, json.dumps(value))
    else:
        yield from (flag, _here(str(value)))


def _here(text: str) -> str:
    """A path without the folders above it: `/home/me/reviews.csv` is `reviews.csv`, also after `NAME=`."""
    return _FOLDERS.sub("", text)
