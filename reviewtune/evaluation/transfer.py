"""What an artifact does on reviews from elsewhere, and the file of its folder that keeps it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.elsewhere import ElsewhereScores
from reviewtune.files import write_text
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.stored import Line, Sha256, Stored, read_stored

TRANSFER_FILE = "transfer.json"
MOST_ROWS = 1_000
COUNTS = {"num_reviews", "num_fake"}
MEASURED = ElsewhereScores.model_fields.keys() - COUNTS


class AtAPoint(Protocol):
    """What labels reviews at an operating point, or was scored at one."""

    @property
    def threshold(self) -> float:
        """A review is called fake where its fake probability is above it."""
        ...

    @property
    def max_fpr(self) -> float | None:
        """The limit of false alarms that the threshold keeps."""
        ...

    @property
    def prevalence(self) -> float | None:
        """The share of fakes that probabilities are corrected to."""
        ...


class TransferScores(ElsewhereScores):
    """A row: scores on reviews of one source, at the operating point that the artifact had then."""

    name: Line = Field(min_length=1)
    """Of the source, on the board."""
    data: Line
    """The source: a file name, a hub id or `sample`."""
    data_sha256: Sha256
    """Of the reviews that were scored."""
    threshold: float = Field(ge=0, le=1)
    max_fpr: float | None = Field(None, gt=0, lt=1)
    prevalence: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _tells_what_its_reviews_can(self) -> Self:
        if self.num_fake > self.num_reviews:
            raise ValueError("num_fake must not be above num_reviews")
        both = 0 < self.num_fake < self.num_reviews
        expected = set(MEASURED) if both else {"recall"} if self.num_fake else {"fpr"}
        if expected != {name for name in MEASURED if getattr(self, name) is not None}:
            kind = "of both classes" if both else "that are all fake" if self.num_fake else "that are all genuine"
            raise ValueError(f"reviews {kind} have exactly {', '.join(sorted(expected))}")
        return self

    def is_at(self, point: AtAPoint) -> bool:
        """Whether this is an operating point's.

        Examples:
            >>> where = {"name": "hotels", "data": "hotels.csv", "data_sha256": "0" * 64}
            >>> row = TransferScores(**where, threshold=0.5, num_reviews=50, num_fake=0, fpr=0.1)
            >>> row.is_at(row), row.is_at(row.model_copy(update={"prevalence": 0.05}))
            (True, False)
        """
        own = (self.threshold, self.max_fpr, self.prevalence)
        return own == (point.threshold, point.max_fpr, point.prevalence)


class TransferFile(Stored):
    """What `transfer.json` holds."""

    transfer: list[TransferScores] = Field(max_length=MOST_ROWS)

    @field_validator("transfer")
    @classmethod
    def _names_are_their_own(cls, rows: list[TransferScores]) -> list[TransferScores]:
        if len({row.name for row in rows}) < len(rows):
            raise ValueError("two rows have one name")
        return rows


class _Labelling(BaseModel):
    """Of `reviewtune.json`, what says when a review is called fake."""

    threshold: float
    max_fpr: float | None = None
    prevalence: float | None = None


def read_transfer(artifact: Path) -> list[TransferScores]:
    """The rows that an artifact's folder keeps; none where nothing was kept.

    Raises:
        ArtifactError: The file is damaged.

    Examples:
        >>> read_transfer(Path("results/artifacts/NAME"))
        []
    """
    path = artifact / TRANSFER_FILE
    try:
        if not path.exists():
            return []
        return read_stored(path, TransferFile).transfer
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged ({error}): delete it and score the artifact again") from None


def current_transfer(artifact: Path) -> list[TransferScores]:
    """Those rows that are of the artifact's present operating point.

    Raises:
        ArtifactError: The file is damaged, or the folder is no artifact.

    Examples:
        >>> current_transfer(Path("results/artifacts/NAME"))
        []
    """
    rows = read_transfer(artifact)
    if not rows:
        return []
    path = artifact / ARTIFACT_FILE
    try:
        point = read_stored(path, _Labelling)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged ({error}): copy or export the artifact again") from None
    return [row for row in rows if row.is_at(point)]


def write_transfer(artifact: Path, rows: Iterable[TransferScores]) -> None:
    """Keep the rows in one step; of several of one name the last.

    Examples:
        >>> where = {"name": "hotels", "data": "hotels.csv", "data_sha256": "0" * 64}
        >>> row = TransferScores(**where, threshold=0.5, num_reviews=50, num_fake=0, fpr=0.1)
        >>> write_transfer(Path(), [row])
        >>> [(kept.name, kept.fpr) for kept in read_transfer(Path())]
        [('hotels', 0.1)]
    """
    by_name = {row.name: row for row in rows}
    kept = TransferFile(transfer=list(by_name.values()))
    write_text(artifact / TRANSFER_FILE, kept.model_dump_json(indent=1) + "\n")
