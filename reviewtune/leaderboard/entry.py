"""A row of the leaderboard: what one study found for one family."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.objective import OBJECTIVES
from reviewtune.evaluation.robustness import VariantScores
from reviewtune.evaluation.transfer import TransferScores
from reviewtune.files import write_text
from reviewtune.leaderboard.scores import Comparison, Gain, Section, Selection, TestScores, Unseen, ValidationScores
from reviewtune.schema import F1, Objective

PREDICTIONS_FILE = "test_predictions.parquet"
"""Beside an entry: id, fake, score, fake_probability, predicted and cluster for each review of the test split."""
SLICES_FILE = "slices.json"
"""Beside an entry: its scores on parts of the test split (`evaluation.slices.Slices`)."""
ERRORS_FILE, LABEL_ISSUES_FILE = "errors.csv", "label_issues.csv"
"""Beside an entry: its worst errors on the test split, and labels that may be wrong. They hold texts of reviews."""
EXPLANATIONS_FILE = "explanations.json"
"""Beside an entry: what the words of its worst errors weigh (`leaderboard.explained_errors`), without the texts."""

FIGURES_FOLDER = "figures"
"""In a results directory: figures of its boards and entries, as PNG and SVG."""


def _as_time(value: str) -> str:
    datetime.fromisoformat(value)  # raises ValueError, which pydantic reports
    return value


def _as_folder(name: str) -> str:
    if name in ("", ".", "..") or set(name) & set("/\\\0"):
        raise ValueError("it names a folder, and may not lead out of it")
    return name


Folder = Annotated[str, AfterValidator(_as_folder)]
"""A name that becomes part of a path: of a results directory of others too, out of which nothing leads."""


class Cost(Section):
    """What the selected trial and its search took; an ensemble, what its members took together."""

    fit_seconds: float
    """Wall time of the selected trial's fit; in a pack, its share of it by its tokens."""
    study_seconds: float
    """Wall time of all trials of this family in this study, summed."""
    study_joules: float | None = None
    """Energy that GPUs drew for them, by the counters of their driver; None where it was not measured."""
    device: str
    """`cpu`, or the GPU's name."""
    peak_memory_bytes: int
    """Largest memory of the selected trial: of the GPU where there is one, otherwise of the process."""
    reviews_per_second: float
    """Reviews labelled per second on the test split, from text to probability, embeddings included."""
    disk_bytes: int | None = None
    """What its trials have left on disk, the artifact not counted; None of an ensemble or an earlier version."""


class TrialSummary(Section):
    """What the board says of each trial behind an entry."""

    trial_id: str
    status: Literal["finished", "stopped", "paused", "failed", "lost"]
    """`stopped`: ended early by the scheduler; `paused`: by the time budget; `lost`: with what it ran on."""
    f1: float | None
    """Best validation F1 of its epochs; None where it failed before the first."""
    fit_seconds: float


class Provenance(Section):
    """What one needs to get the same entry again."""

    data: str
    """The source of the reviews: a file name, a hub id with the commit that was read, or `sample`."""
    data_sha256: str
    split_sha256: str
    code: str
    """reviewtune's version, with the commit where it is known."""
    versions: dict[str, str]
    seed: int
    num_sources: int | None = None
    """Where the reviews come from, how many; None of an earlier version."""
    hardware: str
    created: Annotated[str, AfterValidator(_as_time)]
    """ISO 8601, UTC."""

    @property
    def created_at(self) -> datetime:
        """`created` as a time in UTC."""
        time = datetime.fromisoformat(self.created)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


class Entry(Section):
    """One family's result in one study; `rank`, `tied_with_best`, `versus_first` and `transfer` come from the board."""

    rank: int | None = None
    """1 for the best score that selected (on folds, or on the validation split where there are none) among the entries
    of the same split, by their objective, or by F1 where they have several; None without test scores, which take no
    part in the order."""
    study_id: Folder
    family: Folder
    encoder: str | None
    """The frozen base model, None for a family that reads the texts themselves."""
    status: Literal["finished", "failed"]
    """`failed`: no trial of this family ended with a score; `error` says why."""
    error: str | None = None
    trial_id: str | None = None
    """The selected trial, or a key of an ensemble's members; None where there is none."""
    params: dict[str, Any]
    objective: Objective = F1
    """What trials and finalists were compared by."""
    max_fpr: float | None = None
    """Limit of the false-alarm rate that the artifact's threshold keeps; None: it is that of the highest F1."""
    prevalence: float | None = None
    """Share of fakes that the artifact's probabilities are corrected to; None: that of the labelled reviews."""
    num_trials: int
    num_failed_trials: int = 0
    trained_share: float | None = None
    """Of the reviews to train on, those that its nodes had memory for, drawn by class; None: all."""
    validation: ValidationScores | None = None
    default_validation_f1: float | None = None
    """Validation F1 of the family's default configuration, the study's first trial: what the search improved on."""
    selection: Selection | None = None
    """None where the validation split chose, as in earlier versions; of an ensemble, by its cross-fitted scores."""
    gain: Gain | None = None
    """None where the default was not trained over folds."""
    test: TestScores | None = None
    unseen: Unseen | None = None
    """None where all reviews are from one source, or no training without one was asked for or possible."""
    transfer: list[TransferScores] = Field(default_factory=list)
    """What its artifact does elsewhere; the board fills it in from the artifact's own file."""
    tied_with_best: bool | None = None
    """Not worse than the first entry beyond chance: the interval of `versus_first` does not lie below 0."""
    versus_first: Comparison | None = None
    """None of the first entry, and where the predictions cannot be compared."""
    robustness: dict[str, VariantScores] | None = None
    """Scores on a sample of the test split as it is (`plain`), with its surface made alike (`alike`), and by what
    befell it (`data.perturbations`); None of an earlier version. Nothing is chosen by them."""
    cost: Cost | None = None
    artifact: str | None = None
    """The artifact's folder, relative to the results directory."""
    trials: list[TrialSummary] = Field(default_factory=list)
    provenance: Provenance

    @property
    def selected_f1(self) -> float:
        """F1 of what selected, on folds or the validation split; 0 where there is none."""
        chosen = self.selection or self.validation
        return chosen.f1 if chosen else 0.0

    @property
    def selected_by(self) -> float:
        """The score that selected, by its objective, made such that higher is better; lowest where there is none."""
        chosen = self.selection or self.validation
        if chosen is None:
            return -math.inf
        return chosen.f1 if chosen.value is None else OBJECTIVES[self.objective].sign * chosen.value

    @property
    def name(self) -> str:
        """The entry's name, unique in a results directory and fit for a folder."""
        return f"{self.study_id}-{self.family}"


def entry_path(results_dir: Path, study_id: str, family: str) -> Path:
    """Where a study keeps the entry of a family; `PREDICTIONS_FILE` lies beside it.

    Examples:
        >>> entry_path(Path("results"), "reviews-0f3a5c1e", "svm").as_posix()
        'results/studies/reviews-0f3a5c1e/svm/entry.json'
    """
    return results_dir / "studies" / study_id / family / "entry.json"


def read_entry(path: Path) -> Entry:
    """The entry in a file.

    Raises:
        ArtifactError: The file is no entry, or cannot be read.

    Examples:
        >>> from reviewtune.testing.made_entries import add_entry
        >>> path = add_entry(Path("results"), "svm")
        >>> read_entry(path).name
        's1-svm'
        >>> _ = path.write_text("{}")
        >>> read_entry(path)
        Traceback (most recent call last):
        reviewtune.errors.ArtifactError: results/studies/s1/svm/entry.json is no leaderboard entry (study_id: ...
    """
    try:
        return Entry.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise ArtifactError(f"{path} is no leaderboard entry ({reason}): delete it and run its study again") from None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): make it readable") from None


def write_entry(entry: Entry, path: Path) -> None:
    """Write an entry in one step, so that a reader never sees half of it.

    Raises:
        OSError: It cannot be written.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> write_entry(made_entry("svm", num_trials=12), Path("entry.json"))
        >>> json.loads(Path("entry.json").read_text())["num_trials"]
        12
    """
    write_text(path, json.dumps(entry.model_dump(mode="json"), indent=1, allow_nan=False) + "\n")
