"""The columns of the readable tables (page, Markdown, terminal): what they mean and how they are written."""

from collections.abc import Callable
from dataclasses import dataclass

from reviewtune.leaderboard.entry import Entry

DASH = "\N{EN DASH}"
NOTHING = DASH


@dataclass(frozen=True)
class Column:
    """A column of a readable table.

    Attributes:
        key: Its name in the page's markup.
        title: At its head.
        meaning: A sentence for whoever meets it first.
        text: What it says of an entry, `NOTHING` where there is nothing to say.
        importance: 0 is always shown; a narrow table leaves out the highest first.
        numeric: Align right.
    """

    key: str
    title: str
    meaning: str
    text: Callable[[Entry], str]
    importance: int
    numeric: bool = True


def duration(seconds: float) -> str:
    """The time in the unit a person would use: `31 ms`, `0.4 s`, `52 s`, `12.5 min`, `4.2 h`."""
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def rate(per_second: float) -> str:
    """Reviews per second with three digits that count: `8.31`, `15.5`, `1,204`."""
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def tie_text(entry: Entry) -> str:
    """`best`, `tied`, `behind`, or nothing where the entry was not compared."""
    if entry.rank == 1:
        return "best"
    if entry.tied_with_best is None:
        return NOTHING
    return "tied" if entry.tied_with_best else "behind"


def interval_text(entry: Entry) -> str:
    """The 95 % interval of the test F1."""
    return f"{entry.test.f1_low:.4f}{DASH}{entry.test.f1_high:.4f}" if entry.test else NOTHING


def _test_f1(entry: Entry) -> str:
    return f"{entry.test.f1:.4f}" if entry.test else ("failed" if entry.status == "failed" else NOTHING)


def _test(name: str) -> Callable[[Entry], str]:
    return lambda entry: f"{getattr(entry.test, name):.4f}" if entry.test else NOTHING


def _trials(entry: Entry) -> str:
    return f"{entry.num_trials} ({entry.num_failed_trials})" if entry.num_failed_trials else str(entry.num_trials)


COLUMNS = (
    Column("rank", "#", "Rank by test F1.", lambda entry: str(entry.rank or NOTHING), 0),
    Column("family", "Family", "The kind of model.", lambda entry: entry.family, 0, numeric=False),
    Column(
        "encoder",
        "Encoder",
        "The frozen base model that the family stands on.",
        lambda entry: entry.encoder or NOTHING,
        1,
        numeric=False,
    ),
    Column("f1", "Test F1", "F1 of the fake class on the test split.", _test_f1, 0),
    Column(
        "interval", "95 % interval", "95 % bootstrap interval of the test F1 over the test reviews.", interval_text, 4
    ),
    Column("tie", "Tie", "Whether the difference to the best could be chance.", tie_text, 0, numeric=False),
    Column(
        "validation",
        "Valid. F1",
        "F1 of the selected trial, or of the ensemble, on the validation split, which selected it.",
        lambda entry: f"{entry.validation.f1:.4f}" if entry.validation else NOTHING,
        2,
    ),
    Column(
        "default",
        "Default's",
        "Validation F1 of the family's default configuration: what the search improved on.",
        lambda entry: NOTHING if entry.default_validation_f1 is None else f"{entry.default_validation_f1:.4f}",
        5,
    ),
    Column("precision", "Precision", "Of the reviews called fake, how many are.", _test("precision"), 7),
    Column("recall", "Recall", "Of the fake reviews, how many are found.", _test("recall"), 6),
    Column("roc_auc", "ROC AUC", "How often a fake review outscores a genuine one.", _test("roc_auc"), 8),
    Column("ece", "Calib. error", "Mean gap between fake probability and share of fakes.", _test("ece"), 10),
    Column("trials", "Trials", "Configurations tried (of which failed).", _trials, 11),
    Column(
        "fit",
        "Fit",
        "Time to fit the selected configuration on embeddings or tokens that are there; in a pack, its share.",
        lambda entry: duration(entry.cost.fit_seconds) if entry.cost else NOTHING,
        3,
    ),
    Column(
        "rate",
        "Reviews/s",
        "Reviews labelled per second, from text to probability.",
        lambda entry: rate(entry.cost.reviews_per_second) if entry.cost else NOTHING,
        9,
    ),
    Column("study", "Study", "The search that the entry comes from.", lambda entry: entry.study_id, 12, numeric=False),
)
"""In the order of a wide table."""
