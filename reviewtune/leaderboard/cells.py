"""What the readable tables (page, Markdown, terminal) say of an entry, a cell each."""

from reviewtune.evaluation.objective import OBJECTIVES
from reviewtune.leaderboard.entry import Entry

DASH = "\N{EN DASH}"
NOTHING = DASH
LONG_NAME = 16
"""Letters of a source's name in a cell: the table beneath has it whole."""


def rate(per_second: float) -> str:
    """Reviews per second with three digits that count: `8.31`, `15.5`, `1,204`.

    Examples:
        >>> rate(8.312), rate(1204.3)
        ('8.31', '1,204')
    """
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def tie_text(entry: Entry) -> str:
    """`best`, `tied`, `behind`, `ahead`, or nothing where the entry was not compared.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> [tie_text(made_entry("svm", rank=rank, tied_with_best=tied)) for rank, tied in ((1, True), (2, False))]
        ['best', 'behind']
    """
    if entry.rank == 1:
        return "best"
    if entry.tied_with_best is None:
        return NOTHING
    if entry.versus_first and entry.versus_first.low > 0:
        return "ahead"
    return "tied" if entry.tied_with_best else "behind"


def interval_text(entry: Entry) -> str:
    """The 95 % interval of the test F1.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> interval_text(made_entry("svm", (90, 10, 10, 90))).split(DASH)
        ['0.8478', '0.9357']
    """
    return f"{entry.test.f1_low:.4f}{DASH}{entry.test.f1_high:.4f}" if entry.test else NOTHING


def gain_text(entry: Entry) -> str:
    """The out-of-fold gain over the default with its interval.

    Examples:
        >>> from reviewtune.leaderboard.scores import Gain
        >>> from reviewtune.testing.made_entries import made_entry
        >>> gain_text(made_entry("svm", gain=Gain(f1=0.0204, low=0.011, high=0.0298)))
        '+0.0204 (+0.0110 to +0.0298)'
    """
    gain = entry.gain
    return f"{gain.f1:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})" if gain else NOTHING


def objective_text(entry: Entry) -> str:
    """The objective that is not F1, with what selected by it.

    Examples:
        >>> from reviewtune.leaderboard.scores import ValidationScores
        >>> from reviewtune.testing.made_entries import made_entry
        >>> scores = ValidationScores(f1=0.9, accuracy=0.9, roc_auc=0.95, value=0.1034)
        >>> objective_text(made_entry("svm", objective="log_loss", validation=scores))
        'log loss 0.1034'
    """
    chosen = entry.selection or entry.validation
    if chosen is None or chosen.value is None:
        return NOTHING
    error = entry.selection.value_error if entry.selection else None
    told = "" if error is None else f" ± {error:.4f}"
    return f"{OBJECTIVES[entry.objective].title} {chosen.value:.4f}{told}"


def point_text(entry: Entry) -> str:
    """What the labels were to keep, where that was not the highest F1 as it is.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> point_text(made_entry("svm", max_fpr=0.01, prevalence=0.05))
        'FPR ≤ 1 %, 5 % fakes'
    """
    asked = ((entry.max_fpr, "FPR ≤ {:.3g} %"), (entry.prevalence, "{:.3g} % fakes"))
    return ", ".join(text.format(100 * share) for share, text in asked if share is not None) or NOTHING


def unseen_text(entry: Entry) -> str:
    """The mean F1 on sources that were left out, with the worst of them.

    Examples:
        >>> from reviewtune.leaderboard.scores import Unseen, WorstSource
        >>> from reviewtune.testing.made_entries import made_entry
        >>> unseen = Unseen(f1=0.612, roc_auc=0.8, worst=WorstSource(source="hotels", f1=0.215), sources=[])
        >>> unseen_text(made_entry("svm", unseen=unseen))
        '0.612 (hotels 0.215)'
    """
    unseen = entry.unseen
    if unseen is None or unseen.f1 is None or unseen.worst is None:
        return NOTHING
    name = unseen.worst.source
    short = name if len(name) <= LONG_NAME else f"{name[: LONG_NAME - 1]}…"
    return f"{unseen.f1:.3f} ({short} {unseen.worst.f1:.3f})"


def found_text(entry: Entry) -> str:
    """The share of fakes found at 1 % false alarms, with its 95 % interval where there is one.

    Examples:
        >>> from reviewtune.testing.made_entries import made_entry
        >>> found_text(made_entry("svm", (90, 10, 1, 99)))
        '0.9000'
    """
    test = entry.test
    if test is None or test.tpr_at_fpr_01 is None:
        return NOTHING
    ends = (test.tpr_at_fpr_01_low, test.tpr_at_fpr_01_high)
    return f"{test.tpr_at_fpr_01:.4f}" + ("" if None in ends else f" ({ends[0]:.4f}{DASH}{ends[1]:.4f})")
