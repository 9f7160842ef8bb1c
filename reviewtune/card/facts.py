"""All that a model card is made of, as an artifact's folder keeps it: so that one can be written anew anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reviewtune.artifact_info import MEMBERS, ArtifactInfo, EncoderInfo, read_info
from reviewtune.encoders.registry import on_the_hub
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.slices import Slices
from reviewtune.evaluation.transfer import TRANSFER_FILE, TransferScores, current_transfer
from reviewtune.files import write_text
from reviewtune.leaderboard.entry import Entry
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.stored import Stored, read_stored

CARD_FILE = "README.md"
SCORES_FILE = "scores.json"
LATER = frozenset({CARD_FILE, SCORES_FILE, TRANSFER_FILE})
"""Files of an artifact that are written anew when more is known of it."""


class Scores(Stored):
    """What `scores.json` holds: what the board says of an artifact, without what hangs on its other entries."""

    entry: Entry
    slices: Slices | None = None
    """On parts of the test split."""


@dataclass(frozen=True)
class Facts:
    """What a card says.

    Attributes:
        info: What the artifact says of itself.
        bases: The base models that it stands on, its own or those of its members.
        scores: None before its study has all of them.
        transfer: On reviews from elsewhere, at its operating point.
    """

    info: ArtifactInfo
    bases: tuple[EncoderInfo, ...] = ()
    scores: Scores | None = None
    transfer: tuple[TransferScores, ...] = ()

    @property
    def entry(self) -> Entry | None:
        """The entry on the board, where there is one."""
        return self.scores.entry if self.scores else None

    @property
    def name(self) -> str:
        """As on the board."""
        return f"{self.info.study_id}-{self.info.family}"

    @property
    def hub_bases(self) -> list[tuple[str, str | None]]:
        """Hub ids and commits of the base models that the hub has; of a local folder it is not known."""
        named = dict.fromkeys(on_the_hub(base.name) for base in self.bases)
        return [each for each in named if not Path(each[0]).is_absolute()]


def read_facts(folder: Path) -> Facts:
    """What an artifact's folder holds.

    Raises:
        ArtifactError: It is no artifact, or one of its files is damaged.
    """
    info = read_info(folder)
    path = folder / SCORES_FILE
    try:
        scores = read_stored(path, Scores) if path.exists() else None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is damaged ({error}): delete it and run the study again") from None
    return Facts(info, tuple(dict.fromkeys(_bases(folder, info))), scores, tuple(current_transfer(folder)))


def write_scores(folder: Path, entry: Entry, slices: Slices | None) -> bool:
    """Keep in an artifact's folder what is known of its entry.

    Args:
        folder: Of the artifact.
        entry: As its study made it.
        slices: Beside the entry, if any.

    Returns:
        Whether anything of it is new.

    Raises:
        OSError: It cannot be read or written.
    """
    told = entry.model_copy(update={"trials": [], "transfer": []})
    text, path = Scores(entry=told, slices=slices).model_dump_json(indent=1) + "\n", folder / SCORES_FILE
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_text(path, text)
    return True


def _bases(folder: Path, info: ArtifactInfo) -> Iterator[EncoderInfo]:
    if info.encoder is not None:
        yield info.encoder
    for member in sorted((folder / MEMBERS).glob(f"*/{ARTIFACT_FILE}")):
        yield from _bases(member.parent, read_info(member.parent))
