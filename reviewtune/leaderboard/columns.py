"""The columns of the readable tables (page, Markdown, terminal): what they mean, and what is left out where."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reviewtune.durations import duration
from reviewtune.leaderboard.cells import (
    NOTHING,
    found_text,
    gain_text,
    interval_text,
    objective_text,
    point_text,
    rate,
    tie_text,
    unseen_text,
)
from reviewtune.leaderboard.entry import Entry


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


def _selection(entry: Entry) -> str:
    chosen = entry.selection
    return f"{chosen.f1:.4f} ± {chosen.standard_error:.4f}" if chosen else NOTHING


def _calibration(entry: Entry) -> str:
    if entry.test is None:
        return NOTHING
    floor = "" if entry.test.ece_floor is None else f" ({entry.test.ece_floor:.4f})"
    return f"{entry.test.ece:.4f}{floor}"


def _test_f1(entry: Entry) -> str:
    return f"{entry.test.f1:.4f}" if entry.test else ("failed" if entry.status == "failed" else NOTHING)


def _test(name: str) -> Callable[[Entry], str]:
    return lambda entry: f"{getattr(entry.test, name):.4f}" if entry.test else NOTHING


def _trials(entry: Entry) -> str:
    return f"{entry.num_trials} ({entry.num_failed_trials})" if entry.num_failed_trials else str(entry.num_trials)


def columns_of(entries: Iterable[Entry]) -> list[Column]:
    """All columns but those of an objective, an operating point and unseen sources, where no entry has one.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> plain, limited = made_entry("svm"), made_entry("mlp", max_fpr=0.01)
        >>> [column.title for column in columns_of([plain])][:5]
        ['#', 'Family', 'Encoder', 'Test F1', '95 % interval']
        >>> [column.title for column in columns_of([plain, limited])][:5]
        ['#', 'Family', 'Encoder', 'Test F1', 'Operating point']
    """
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
