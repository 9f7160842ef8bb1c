"""What all settings have in common: the base of their models, and kinds of values that several of them take."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from reviewtune.errors import UsageError
from reviewtune.storage.place import as_folder, is_address, shown

EMPTY = "empty"
"""Type of the error of a setting that is given without a value."""


def _folder(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """An address becomes its folder in the mirror, where a path would make a local folder of that name; `~` is home."""
    try:
        folder = as_folder(value) if is_address(value) else handler(value)
    except UsageError as error:
        raise ValueError(str(error)) from None
    # Of a user who is not there whoever uses the folder says so.
    with suppress(RuntimeError):
        return folder.expanduser()
    return folder


SEPARATOR = "\0"
"""Between the values of a flag that is given several times: no path and no name has it."""


def _several(value: Any) -> Any:
    return value.split(SEPARATOR) if isinstance(value, str) else value


Several = Annotated[list[str], NoDecode, BeforeValidator(_several)]
"""One value, or one for each time that the flag is given."""

ResultsFolder = Annotated[Path, WrapValidator(_folder), PlainSerializer(shown, return_type=str, when_used="json")]
"""A folder of this machine, of storage that is mounted on it, or of a bucket: `s3://BUCKET/FOLDER`."""


class Config(BaseModel):
    """Base of what the command line can fill: frozen, unknown keys refused, each field documented under it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_given(cls, value: Any) -> Any:
        if value == "":
            raise PydanticCustomError(EMPTY, "is empty")
        return value
