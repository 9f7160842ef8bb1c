"""Files that came from elsewhere: they hold what they should, in range, or are refused in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from reviewtune.errors import ReviewtuneError
from reviewtune.tracebacks import reason_of

LARGEST_BYTES = 16 * 2**20
"""Of a JSON file; real ones have a few kilobytes."""
LONGEST_SHOWN = 80

Line = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text without control characters, which may stand in a message or a page."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Stored(BaseModel):
    """Base of what a JSON file holds: frozen, unknown keys refused, every number finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


S = TypeVar("S", bound=BaseModel)


def read_stored(path: Path, kind: type[S]) -> S:
    """The contents of a JSON file.

    Args:
        path: Of the file.
        kind: What it should hold. Nothing is converted: "8" is no number.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds something else. One line, which names the file, the field and its value.
    """
    if (size := path.stat().st_size) > LARGEST_BYTES:
        raise ValueError(f"{path.name} has {size:,} bytes, and {LARGEST_BYTES:,} at most are read")
    try:
        return kind.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise ValueError(f"{path.name}: {first_fault(error)}") from None


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, with its field and value, in one line."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    where = where if where.isprintable() else ascii(where)
    what = " ".join(first["msg"].removeprefix("Value error, ").split())
    if not where or first["type"] == "missing":
        return f"{where} is missing" if where else what
    value = ascii(first["input"])
    shown = value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}..."
    return f"{where}={shown}: {what[:1].lower()}{what[1:]}"


@contextmanager
def damage_explained(kind: type[ReviewtuneError], what: str, mend: str) -> Iterator[None]:
    """Say in one line that what is read inside is damaged, whatever a library says of it.

    pydantic, safetensors, skops, peft and torch raise many kinds for a file that is cut short, altered or of another
    model.

    Args:
        kind: Of the error that is raised instead of any other; those of reviewtune pass as they are.
        what: Is read, with its path.
        mend: What to do about it.
    """
    try:
        yield
    except ReviewtuneError:
        raise
    except Exception as error:
        reason = reason_of(error)[:300]
        raise kind(f"{what} is damaged ({reason}): {mend}") from error
