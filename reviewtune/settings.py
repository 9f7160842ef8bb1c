"""What all settings have in common: the base of their models, and kinds of values that several of them take."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

EMPTY = "empty"
"""Type of the error of a setting that is given without a value."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def _no_bucket(value: Any) -> Any:
    """Refuse what a path would make a local folder of that name."""
    if _SCHEME.match(str(value)):
        raise ValueError("results in a bucket are not possible yet: give a folder")
    return value


SEPARATOR = "\0"
"""Between the values of a flag that is given several times: no path and no name has it."""


def _several(value: Any) -> Any:
    return value.split(SEPARATOR) if isinstance(value, str) else value


Several = Annotated[list[str], NoDecode, BeforeValidator(_several)]
"""One value, or one for each time that the flag is given."""

ResultsFolder = Annotated[Path, BeforeValidator(_no_bucket)]
"""A folder of this machine, or of storage that is mounted on it."""


class Config(BaseModel):
    """Base of what the command line can fill: frozen, unknown keys refused, each field documented under it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_given(cls, value: Any) -> Any:
        if value == "":
            raise PydanticCustomError(EMPTY, "is empty")
        return value
