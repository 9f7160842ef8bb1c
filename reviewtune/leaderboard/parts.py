"""An entry's scores on parts of the test split, as a page shows them: the worst parts, with what else there is."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.slices import FEWEST, Share, Slices
from reviewtune.leaderboard.cells import NOTHING

MOST_SHOWN = 12
"""Parts of an entry that a page shows."""
HEAD = ("Part", "Reviews", "Fake", "F1", "Recall", "False alarms")


def read_slices(path: Path) -> Slices | None:
    """What a study kept at `path`; None where there is no file, as beside entries of earlier versions.

    Raises:
        ArtifactError: The file is damaged or cannot be read.
    """
    if not path.is_file():
        return None
    try:
        return Slices.model_validate_json(path.read_bytes())
    except (ValidationError, OSError):
        raise ArtifactError(f"{path} cannot be read: run its study again") from None


@dataclass(frozen=True)
class Parts:
    """A table for people.

    Attributes:
        rows: As many cells as `HEAD` has, the worst part first.
        worse: Of each row, whether it is worse than the whole beyond chance.
        rest: What is not in the rows, in a sentence or two; empty where that is nothing.
    """

    rows: tuple[tuple[str, ...], ...]
    worse: tuple[bool, ...]
    rest: str


def parts_of(slices: Slices | None, most: int = MOST_SHOWN) -> Parts | None:
    """None where no part was scored."""
    if slices is None or not slices.slices:
        return None
    shown = slices.slices[:most]
    rows = tuple(
        (
            f"{one.kind}: {one.value}",
            f"{one.num_reviews:,}",
            f"{one.num_fake:,}",
            NOTHING if one.f1 is None else f"{one.f1:.3f}",
            _share_text(one.recall),
            _share_text(one.fpr),
        )
        for one in shown
    )
    return Parts(rows, tuple(one.worse for one in shown), " ".join(_rest(slices, most)))


def _share_text(share: Share | None) -> str:
    """The share with its interval, in percent: `85.2 % (71.0 to 93.4)`."""
    if share is None:
        return NOTHING
    return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _rest(slices: Slices, most: int) -> list[str]:
    more = len(slices.slices) - most
    small = [f"{number:,} more by {kind} ({reviews:,})" for kind, (number, reviews) in slices.too_small.items()]
    return [
        *([f"{more:,} better parts are in slices.json."] if more > 0 else []),
        *([f"With fewer than {FEWEST} reviews of either class, too few to say: {', '.join(small)}."] if small else []),
    ]
