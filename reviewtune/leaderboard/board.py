"""The entries of a results directory, ranked within each split by what selected them.

The test split takes no part in any choice, and the order of a board is one: whoever reads it takes the first. So test
F1 stands beside the score that ranks, and is compared with that of the first entry.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.slices import Slices
from reviewtune.evaluation.transfer import TransferScores, current_transfer
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, SLICES_FILE, Entry, read_entry
from reviewtune.leaderboard.parts import read_slices
from reviewtune.leaderboard.scores import Comparison
from reviewtune.leaderboard.ties import Predictions, check_comparable, read_predictions, versus
from reviewtune.storage.refresh import refresh


@dataclass(frozen=True)
class Group:
    """The entries that share one split, and so can be compared.

    Attributes:
        split_sha256: What they share.
        entries: Ranked: finished ones by the score that selected, then those without test scores, then failed ones.
    """

    split_sha256: str
    entries: tuple[Entry, ...]

    @property
    def data(self) -> str:
        """The source of the reviews, as the most recent entry names it."""
        return self.newest.provenance.data

    @property
    def detectable(self) -> float | None:
        """The median of the entries' `versus_first.detectable`; None where nothing differs."""
        values = [entry.versus_first.detectable for entry in self.entries if entry.versus_first]
        return median(differing) if (differing := [value for value in values if value > 0]) else None

    @property
    def rough(self) -> bool:
        """The test split is too small, or of too few units, for exact intervals."""
        return any(entry.test.f1_rough for entry in self.entries if entry.test)

    @property
    def num_units(self) -> int | None:
        """Units of the test split, where an entry knows them."""
        return next((entry.test.num_units for entry in self.entries if entry.test and entry.test.num_units), None)

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
        slices: What entries do on parts of the test split, by their names, where their studies kept it.
    """

    groups: tuple[Group, ...]
    warnings: tuple[str, ...] = ()
    slices: Mapping[str, Slices] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of all groups, in the order of the board."""
        return tuple(entry for group in self.groups for entry in group.entries)


def collect(results_dir: Path) -> Board:
    """The board of every `studies/*/*/entry.json` under a results directory, with ranks, ties and transfer filled in.

    An entry that cannot be read is left out, and one without its predictions gets no tie; a warning names either, and
    scores elsewhere that cannot be read.

    Raises:
        ArtifactError: The results directory does not exist.

    Examples:
        >>> from reviewtune.testing.made_entries import made_results
        >>> results = made_results(Path("results"), {"rules": (60, 40, 40, 60), "svm": (90, 10, 10, 90)})
        >>> [(entry.rank, entry.family, entry.tied_with_best) for entry in collect(results).entries]
        [(1, 'svm', True), (2, 'rules', False)]
    """
    refresh(results_dir)
    if not results_dir.is_dir():
        raise ArtifactError(f"{results_dir} is no results directory: run a study first, or give its --results-dir")
    by_split: defaultdict[str, list[tuple[Entry, Path]]] = defaultdict(list)
    slices: dict[str, Slices | None] = {}
    warnings: list[str] = []
    for path in sorted(results_dir.glob("studies/*/*/entry.json")):
        try:
            entry = read_entry(path)
        except ArtifactError as error:
            warnings.append(_relative(error, results_dir))
            continue
        entry = _with_transfer(entry, results_dir, warnings)
        by_split[entry.provenance.split_sha256].append((entry, path.with_name(PREDICTIONS_FILE)))
        try:
            slices[entry.name] = read_slices(path.with_name(SLICES_FILE))
        except ArtifactError as error:
            warnings.append(_relative(error, results_dir))
    groups = [_group(split, members, results_dir, warnings) for split, members in by_split.items()]
    groups.sort(key=lambda group: group.newest.provenance.created_at, reverse=True)
    return Board(tuple(groups), tuple(warnings), {name: found for name, found in slices.items() if found is not None})


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """The entries of one split in order, those with test scores ranked from 1.

    The order is by the score that selected, best first, then by name: by the entries' objective, or by F1 where they
    were made for different ones. Entries without test scores follow and have no rank, failed ones last.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> entries = [made_entry("rules", (6, 4, 4, 6)), made_entry("mlp", test=None), made_entry("svm")]
        >>> [(entry.rank, entry.family) for entry in ranked(entries)]
        [(1, 'svm'), (2, 'rules'), (None, 'mlp')]
    """
    all_entries = list(entries)
    by_f1 = len({entry.objective for entry in all_entries if _has_score(entry)}) > 1

    def order(entry: Entry) -> tuple[bool, bool, float, str]:
        score = entry.selected_f1 if by_f1 else entry.selected_by
        return entry.status == "failed", not _has_score(entry), -score, entry.name

    return [
        entry.model_copy(update={"rank": place if _has_score(entry) else None})
        for place, entry in enumerate(sorted(all_entries, key=order), start=1)
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
    if predictions and all(each.units is None for each in predictions.values()):
        warnings.append(
            f"the entries of split {split[:8]} are of an earlier version, which did not keep what is related: "
            "all reviews count as unrelated; delete their entry.json and run their studies again"
        )
    return Group(split, tuple(_compared(entries, predictions, warnings)))


def _compared(entries: list[Entry], predictions: Mapping[str, Predictions], warnings: list[str]) -> Iterator[Entry]:
    """The entries, each with how its test F1 compares with that of the first."""
    first = entries[0]
    others: dict[str, Predictions] = {}
    for entry in entries[1:] if first.name in predictions else ():
        if entry.name in predictions:
            try:
                check_comparable(predictions[entry.name], predictions[first.name])
                others[entry.name] = predictions[entry.name]
            except ArtifactError as error:
                warnings.append(f"{entry.name} was not compared with {first.name}: {error}")
    found = versus(predictions[first.name], others) if others else {}
    for entry in entries:
        versus_first = Comparison(**asdict(found[entry.name])) if entry.name in found else None
        tied = entry.rank == 1 or (not found[entry.name].behind if versus_first else None)
        yield entry.model_copy(update={"tied_with_best": tied, "versus_first": versus_first})


def _has_score(entry: Entry) -> bool:
    return entry.status == "finished" and entry.test is not None


def _with_transfer(entry: Entry, results_dir: Path, warnings: list[str]) -> Entry:
    """The entry with what its artifact keeps of reviews elsewhere."""
    rows: list[TransferScores] = []
    if entry.artifact is not None:
        try:
            rows = current_transfer(results_dir / entry.artifact)
        except ArtifactError as error:
            warnings.append(_relative(error, results_dir))
    return entry.model_copy(update={"transfer": rows})


def _relative(error: ArtifactError, results_dir: Path) -> str:
    """The error's line without the results directory, which a published board must not name."""
    return str(error).removeprefix(f"{results_dir}/")
