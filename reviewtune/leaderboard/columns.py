"""The columns of the readable tables (page, Markdown, terminal): what they mean and how they are written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reviewtune.durations import duration
from reviewtune.evaluation.objective import OBJECTIVES
from reviewtune.leaderboard.entry import Entry

DASH = "\N{EN DASH}"
NOTHING = DASH
LONG_NAME = 16
"""Letters of a source's name in a column: the table beneath has it whole."""


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


def rate(per_second: float) -> str:
    """Reviews per second with three digits that count: `8.31`, `15.5`, `1,204`.

    Examples:
        >>> rate(8.312), rate(1204.3)
        ('8.31', '1,204')
    """
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def tie_text(entry: Entry) -> str:
    """`best`, `tied`, `behind`, `ahead`, or nothing where the entry was not compared."""
    if entry.rank == 1:
        return "best"
    if entry.tied_with_best is None:
        return NOTHING
    if entry.versus_first and entry.versus_first.low > 0:
        return "ahead"
    return "tied" if entry.tied_with_best else "behind"


def interval_text(entry: Entry) -> str:
    """The 95 % interval of the test F1."""
    return f"{entry.test.f1_low:.4f}{DASH}{entry.test.f1_high:.4f}" if entry.test else NOTHING


def gain_text(entry: Entry) -> str:
    """The out-of-fold gain over the default with its interval: `+0.0204 (+0.0110 to +0.0298)`."""
    gain = entry.gain
    return f"{gain.f1:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})" if gain else NOTHING


def _selection(entry: Entry) -> str:
    chosen = entry.selection
    return f"{chosen.f1:.4f} ± {chosen.standard_error:.4f}" if chosen else NOTHING


def objective_text(entry: Entry) -> str:
    """The objective that is not F1, with what selected by it: `log loss 0.1034 ± 0.0042`."""
    chosen = entry.selection or entry.validation
    if chosen is None or chosen.value is None:
        return NOTHING
    error = entry.selection.value_error if entry.selection else None
    told = "" if error is None else f" ± {error:.4f}"
    return f"{OBJECTIVES[entry.objective].title} {chosen.value:.4f}{told}"


def point_text(entry: Entry) -> str:
    """What the labels were to keep, where that was not the highest F1 as it is: `FPR ≤ 1 %, 5 % fakes`."""
    asked = ((entry.max_fpr, "FPR ≤ {:.3g} %"), (entry.prevalence, "{:.3g} % fakes"))
    return ", ".join(text.format(100 * share) for share, text in asked if share is not None) or NOTHING


def _calibration(entry: Entry) -> str:
    if entry.test is None:
        return NOTHING
    floor = "" if entry.test.ece_floor is None else f" ({entry.test.ece_floor:.4f})"
    return f"{entry.test.ece:.4f}{floor}"


def _test_f1(entry: Entry) -> str:
    return f"{entry.test.f1:.4f}" if entry.test else ("failed" if entry.status == "failed" else NOTHING)


def unseen_text(entry: Entry) -> str:
    """The mean F1 on sources that were left out, with the worst of them: `0.612 (hotels 0.215)`."""
    unseen = entry.unseen
    if unseen is None or unseen.f1 is None or unseen.worst is None:
        return NOTHING
    name = unseen.worst.source
    short = name if len(name) <= LONG_NAME else f"{name[: LONG_NAME - 1]}…"
    return f"{unseen.f1:.3f} ({short} {unseen.worst.f1:.3f})"


def found_text(entry: Entry) -> str:
    """The share of fakes found at 1 % false alarms, with its 95 % interval where there is one."""
    test = entry.test
    if test is None or test.tpr_at_fpr_01 is None:
        return NOTHING
    ends = (test.tpr_at_fpr_01_low, test.tpr_at_fpr_01_high)
    return f"{test.tpr_at_fpr_01:.4f}" + ("" if None in ends else f" ({ends[0]:.4f}{DASH}{ends[1]:.4f})")


def _test(name: str) -> Callable[[Entry], str]:
    return lambda entry: f"{getattr(entry.test, name):.4f}" if entry.test else NOTHING


def _trials(entry: Entry) -> str:
    return f"{entry.num_trials} ({entry.num_failed_trials})" if entry.num_failed_trials else str(entry.num_trials)


def columns_of(entries: Iterable[Entry]) -> list[Column]:
    """All columns but those of an objective, an operating point and unseen sources, where no entry has one."""
    told = list(entries)
    return [
        column
        for column in COLUMNS
        if column.key not in ("objective", "point", "unseen") or any(column.text(entry) != NOTHING for entry in told)
    ]


COLUMNS = (
    Column(
        "rank",
        "#",
        "Rank by what selected: the score on folds, or on the validation split where there are none.",
        lambda entry: str(entry.rank or NOTHING),
        0,
    ),
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
        "unseen",
        "Unseen F1",
        "Mean F1 on sources by trainings without them, at the entry's own threshold; in brackets the worst of them.",
        unseen_text,
        0,
    ),
    Column(
        "point",
        "Operating point",
        "The limit of false alarms that labels keep, and the share of fakes that they are for, where one was asked.",
        point_text,
        1,
        numeric=False,
    ),
    Column(
        "interval",
        "95 % interval",
        "95 % interval of the test F1 over other draws of test reviews, near-duplicates and groups drawn together.",
        interval_text,
        4,
    ),
    Column(
        "tie",
        "Tie",
        "Whether the difference in test F1 to the first row could be chance: wrong on one board in twenty at most.",
        tie_text,
        0,
        numeric=False,
    ),
    Column(
        "selection",
        "Out-of-fold F1",
        "Mean F1 over folds of the development rows, with its standard error: what selected the configuration.",
        _selection,
        1,
    ),
    Column(
        "objective",
        "Objective",
        "What the search was for, where that is not F1, as it was on folds or the validation split.",
        objective_text,
        1,
        numeric=False,
    ),
    Column(
        "validation",
        "Valid. F1",
        "F1 of the selected trial, or of the ensemble, on the validation split.",
        lambda entry: f"{entry.validation.f1:.4f}" if entry.validation else NOTHING,
        2,
    ),
    Column(
        "default",
        "Default's",
        "Validation F1 of the family's default configuration. The best of many draws lies above it by luck too.",
        lambda entry: NOTHING if entry.default_validation_f1 is None else f"{entry.default_validation_f1:.4f}",
        5,
    ),
    Column(
        "gain",
        "Gain",
        "Out-of-fold F1 above the default configuration's, with a 95 % interval that allows for the choice.",
        gain_text,
        5,
    ),
    Column("precision", "Precision", "Of the reviews called fake, how many are.", _test("precision"), 7),
    Column("recall", "Recall", "Of the fake reviews, how many are found.", _test("recall"), 6),
    Column("roc_auc", "ROC AUC", "How often a fake review outscores a genuine one.", _test("roc_auc"), 8),
    Column(
        "found",
        "TPR at 1 % FPR",
        "Share of the fake reviews that is found where 1 % of genuine ones are called fake, with its 95 % interval.",
        found_text,
        8,
    ),
    Column(
        "ece",
        "Calib. error",
        "Mean gap between fake probability and share of fakes; in brackets, that of perfect probabilities here.",
        _calibration,
        10,
    ),
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
