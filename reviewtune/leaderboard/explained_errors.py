"""Why an entry errs: the weights of the words of its most confident errors, kept beside it without their texts.

Whoever has the texts, and may show them, finds by these which words spoke for fake.
"""

import hashlib
from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from pydantic import Field

from reviewtune.errors import ArtifactError
from reviewtune.stored import Line, Sha256, Stored, read_stored

MOST_WORDS = 100_000
Offset = Annotated[int, Ge(0)]


class ErrorWords(Stored):
    """The words of one review of `ERRORS_FILE`."""

    id: Line
    text_sha256: Sha256
    """Of the prepared text, which the offsets belong to."""
    words: list[tuple[Offset, Offset, float]] = Field(max_length=MOST_WORDS)
    """Where each word, or part of several, begins and ends, and how much it adds to the log-odds of fake."""

    def is_of(self, text: str) -> bool:
        """Whether the offsets belong to this text."""
        return hashlib.sha256(text.encode()).hexdigest() == self.text_sha256


class ErrorExplanations(Stored):
    """What `EXPLANATIONS_FILE` holds."""

    made: Line
    """When the artifact was made that it speaks of."""
    explanations: list[ErrorWords]
    """In the order of `ERRORS_FILE`, of the first of which they are."""


def read_explanations(path: Path) -> ErrorExplanations | None:
    """What a file holds; None where there is none.

    Raises:
        ArtifactError: It is damaged.
    """
    if not path.is_file():
        return None
    try:
        return read_stored(path, ErrorExplanations)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged ({error}): delete it and run its study again") from None
