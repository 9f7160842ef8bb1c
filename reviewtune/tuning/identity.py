"""What a study is of: kept in its folder when it begins, and compared before anything in there is used again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from reviewtune.data.store import content_key
from reviewtune.errors import StudyError, UsageError
from reviewtune.files import write_text
from reviewtune.schema import F1
from reviewtune.tracebacks import reason_of

IDENTITY_FILE = "study.json"


class Identity(BaseModel):
    """What the trials and entries of a study were made from. More trials and further families may be added to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: str
    """Name of the source of the reviews."""
    data_sha256: str
    split_sha256: str
    seed: int
    base_model: str
    revision: str | None = None
    quantisation: str
    """As it was asked for, `auto` included."""
    held: Literal["nf4", "int8", "none"] | None = None
    """What `auto` has chosen, once a family trains on the base model; whatever room the GPU has later."""
    executor: str
    evaluations_per_epoch: int
    objective: str = F1
    first_rung_rows: float | None = None
    """Share of the training reviews after which trials are first compared."""
    balance: str | None = None
    augment: str | None = None
    """How training rows are drawn, and what is added to them; None: they are taken as they are."""
    spaces: dict[str, dict[str, Any]] = {}
    """Overrides of the search space, of each family that has been tuned."""

    @property
    def key(self) -> str:
        """The same for whatever may be compared: of all but names, families and what `auto` chose."""
        # Studies of earlier versions, which had F1 and none of these, keep their key.
        later = {"objective"} if self.objective == F1 else set()
        later |= {name for name in ("first_rung_rows", "balance", "augment") if getattr(self, name) is None}
        return content_key(self.model_dump(exclude={"data", "held", "spaces", *later}))

    def differences(self, other: "Identity") -> Iterator[str]:
        """What `other` differs in so that nothing of this study is of use to it, each in words for people."""
        if self.data_sha256 != other.data_sha256:
            yield f"its reviews are those of {self.data} ({self.data_sha256[:8]}), now {other.data_sha256[:8]}"
        for name in ("seed", "split_sha256", "base_model", "revision", "quantisation", "executor", "objective"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                yield f"its {_WORDS.get(name, name)} {_short(mine)}, now {_short(theirs)}"
        if self.evaluations_per_epoch != other.evaluations_per_epoch:
            yield f"it has {self.evaluations_per_epoch} evaluations per epoch, now {other.evaluations_per_epoch}"
        if self.first_rung_rows != other.first_rung_rows:
            mine, theirs = (each.first_rung_rows or "none" for each in (self, other))
            yield f"its share of rows on the first rung is {mine}, now {theirs}"
        for name in ("balance", "augment"):
            mine, theirs = (getattr(each, name) or "none" for each in (self, other))
            if mine != theirs:
                yield f"its --{name} is {mine}, now {theirs}"
        for family in sorted(self.spaces.keys() & other.spaces):
            if content_key(self.spaces[family]) != content_key(other.spaces[family]):
                mine, theirs = (json.dumps(space[family]) for space in (self.spaces, other.spaces))
                yield f"the space of {family} was {mine}, now {theirs}"


_WORDS = {
    "seed": "seed is",
    "split_sha256": "split (sizes, duplicate threshold, groups) is",
    "base_model": "base model is",
    "revision": "base model's revision is",
    "quantisation": "quantisation is",
    "executor": "executor is",
    "objective": "objective is",
}


def known_identity(folder: Path) -> Identity | None:
    """The identity of the study in a folder; None where none has begun there.

    Raises:
        StudyError: The file is damaged, or the study is of a version that kept none.
    """
    path = folder / IDENTITY_FILE
    try:
        return Identity.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        reason = reason_of(error)
        raise StudyError(f"{path} is damaged ({reason}): give another --study, or delete {folder}") from None


def check_identity(folder: Path, wanted: Identity, *, named: bool) -> None:
    """Refuse to go on with a study of something else.

    Args:
        folder: Of the study.
        wanted: What this run is of.
        named: Whether the user chose the name; one that is made of the identity fits it.

    Raises:
        UsageError: The study there is of something else; names the first difference.
        StudyError: The file is damaged.
    """
    known = known_identity(folder)
    if known is None and named and any(folder.glob("*/trials/*.json")):
        raise UsageError(f"--study {folder.name} is there and does not say what it is of: give another name")
    difference = next(known.differences(wanted), None) if known else None
    if difference:
        raise UsageError(f"--study {folder.name} is another study: {difference}; give another name, or none")


def keep_identity(folder: Path, identity: Identity) -> None:
    """Write it, with the spaces of families that were tuned before and what `auto` chose then."""
    known = known_identity(folder)
    if known:
        spaces = {**known.spaces, **identity.spaces}
        identity = identity.model_copy(update={"spaces": spaces, "held": known.held or identity.held})
    write_text(folder / IDENTITY_FILE, identity.model_dump_json(indent=1) + "\n")


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
