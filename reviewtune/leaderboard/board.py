"""The entries of a results directory, ranked within each split."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, Entry, read_entry
from reviewtune.leaderboard.ties import Predictions, read_predictions, tied


@dataclass(frozen=True)
class Group:
    """The entries that share one split, and so can be compared.

    Attributes:
        split_sha256: What they share.
        entries: Ranked: finished ones by test F1, then those without test scores, then failed ones.
    """

    split_sha256: str
    entries: tuple[Entry, ...]

    @property
    def data(self) -> str:
        """The source of the reviews, as the most recent entry names it."""
        return self.newest.provenance.data

    @property
    def newest(self) -> Entry:
        """The entry that was made last."""
        return max(self.entries, key=lambda entry: entry.provenance.created_at)


@dataclass(frozen=True)
class Board:
    """All entries of a results directory.

    Attributes:
        groups: One a split, the most recent first.
        warnings: A line for each file that was left out, and why.
    """

    groups: tuple[Group, ...]
    warnings: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of all groups, in the order of the board."""
        return tuple(entry for group in self.groups for entry in group.entries)


def collect(results_dir: Path) -> Board:
    """The board of every `studies/*/*/entry.json` under a results directory, with ranks and ties filled in.

    An entry that cannot be read is left out, and one without its predictions gets no tie; a warning names either.

    Raises:
        ArtifactError: The results directory does not exist.
    """
    if not results_dir.is_dir():
        raise ArtifactError(f"{results_dir} is no results directory: run a study first, or give its --results-dir")
    by_split: defaultdict[str, list[tuple[Entry, Path]]] = defaultdict(list)
    warnings: list[str] = []
    for path in sorted(results_dir.glob("studies/*/*/entry.json")):
        try:
            entry = read_entry(path)
        except ArtifactError as error:
            warnings.append(_relative(error, results_dir))
            continue
        by_split[entry.provenance.split_sha256].append((entry, path.with_name(PREDICTIONS_FILE)))
    groups = [_group(split, members, results_dir, warnings) for split, members in by_split.items()]
    groups.sort(key=lambda group: group.newest.provenance.created_at, reverse=True)
    return Board(tuple(groups), tuple(warnings))


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """The entries of one split in order, those with test scores ranked from 1.

    The order is by test F1, then by validation F1, highest first, then by name. Entries without test scores follow and
    have no rank, failed ones last.
    """
    ordered = sorted(entries, key=_order)
    return [
        entry.model_copy(update={"rank": place if _has_score(entry) else None})
        for place, entry in enumerate(ordered, start=1)
    ]


def _group(split: str, members: list[tuple[Entry, Path]], results_dir: Path, warnings: list[str]) -> Group:
    entries = ranked(entry for entry, _ in members)
    predictions: dict[str, Predictions] = {}
    for entry, path in members:
        if _has_score(entry):
            try:
                predictions[entry.name] = read_predictions(path)
            except ArtifactError as error:
                warnings.append(_relative(error, results_dir))
    return Group(split, tuple(_with_tie(entry, entries[0], predictions, warnings) for entry in entries))


def _with_tie(entry: Entry, best: Entry, predictions: Mapping[str, Predictions], warnings: list[str]) -> Entry:
    if entry.rank == 1:
        return entry.model_copy(update={"tied_with_best": True})
    tie: bool | None = None
    if entry.name in predictions and best.name in predictions:
        try:
            tie = tied(predictions[entry.name], predictions[best.name])
        except ArtifactError as error:
            warnings.append(f"{entry.name} was not compared with {best.name}: {error}")
    return entry.model_copy(update={"tied_with_best": tie})


def _has_score(entry: Entry) -> bool:
    return entry.status == "finished" and entry.test is not None


def _order(entry: Entry) -> tuple[bool, bool, float, float, str]:
    test = entry.test.f1 if entry.test else 0.0
    validation = entry.validation.f1 if entry.validation else 0.0
    return entry.status == "failed", not _has_score(entry), -test, -validation, entry.name


def _relative(error: ArtifactError, results_dir: Path) -> str:
    """The error's line without the results directory, which a published board must not name."""
    return str(error).removeprefix(f"{results_dir}/")
