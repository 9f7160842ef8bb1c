"""The tables under a board: what its entries do where the board's own test split says nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reviewtune.evaluation.elsewhere import ElsewhereScores
from reviewtune.evaluation.robustness import VariantScores
from reviewtune.leaderboard.board import Group
from reviewtune.leaderboard.columns import NOTHING


@dataclass(frozen=True)
class SideTable:
    """A table of one row an entry, which page, Markdown and terminal show under the board of its group.

    Attributes:
        key: Its name in the page's markup.
        title: Above it.
        meaning: A sentence or two for whoever meets it first.
        head: Titles of the columns; the first is that of the entries.
        rows: As many cells each, the entry's name first.
    """

    key: str
    title: str
    meaning: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


PLAIN = "plain"
LOOKS = {
    PLAIN: "As is",
    "alike": "Alike",
    "typos": "Typos",
    "word_swaps": "Swaps",
    "truncation": "Half",
    "homoglyphs": "Other letters",
}
"""Titles of the columns, by the name of a look."""
MEANING_OF_LOOKS = (
    "F1 at the entry's own threshold on a sample of the test split, with what changes. Alike: one case, one way of "
    "spacing and marks, no HTML, lengths that tell nothing; what is lost there hung on the surface. Swaps: of "
    "neighbouring words. Half: the first one. Other letters: of other alphabets, that look the same."
)


def side_tables(group: Group) -> list[SideTable]:
    """Those of a group that have something to say, in the order that they are shown in."""
    return [table for make in MAKERS if (table := make(group)) is not None]


def elsewhere_text(scores: ElsewhereScores) -> str:
    """F1 with ROC AUC and the false-alarm rate, `0.215 (AUC 0.606, FPR 3.1 %)`; of one class, what it tells."""
    if scores.f1 is not None and scores.roc_auc is not None and scores.fpr is not None:
        return f"{scores.f1:.3f} (AUC {scores.roc_auc:.3f}, FPR {100 * scores.fpr:.1f} %)"
    if scores.fpr is not None:
        return f"FPR {100 * scores.fpr:.1f} %"
    return f"recall {scores.recall:.3f}"


def _otherwise(group: Group) -> SideTable | None:
    """F1 on the same reviews in each of their looks, with what it loses there."""
    known = [(entry, entry.robustness) for entry in group.entries if entry.robustness]
    if not known:
        return None
    names = [name for name in LOOKS if any(name in scores for _, scores in known)]
    rows = []
    for entry, scores in known:
        cells = [_look_text(scores, name) for name in names]
        rows.append((f"{entry.rank} {entry.family}", f"{scores[PLAIN].num_reviews:,}", *cells))
    head = ("Entry", "Reviews", *(LOOKS[name] for name in names))
    return SideTable("looks", "When the same reviews look otherwise", MEANING_OF_LOOKS, head, tuple(rows))


def _look_text(scores: Mapping[str, VariantScores], name: str) -> str:
    """F1 in a look, with how far it lies from that of the reviews as they are, `0.801 (-0.152)`."""
    if name not in scores:
        return NOTHING
    f1 = scores[name].f1
    return f"{f1:.3f}" if name == PLAIN else f"{f1:.3f} ({f1 - scores[PLAIN].f1:+.3f})"


MAKERS: tuple[Callable[[Group], SideTable | None], ...] = (_otherwise,)
"""Each makes a table of a group, or None."""
