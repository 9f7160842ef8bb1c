"""The tables under a board: what its entries do where the board's own test split says nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reviewtune.evaluation.elsewhere import ElsewhereScores
from reviewtune.evaluation.robustness import VariantScores
from reviewtune.leaderboard.board import Group
from reviewtune.leaderboard.cells import NOTHING
from reviewtune.leaderboard.entry import Entry


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


def transfer_table(group: Group) -> SideTable | None:
    """What the entries do on reviews from elsewhere; None where none was scored there."""
    sources = {(row.name, row.data_sha256): row for entry in group.entries for row in entry.transfer}
    if not sources:
        return None
    titles = transfer_titles(group)
    of = "; ".join(
        f"{titles[key]}: {row.num_reviews:,} reviews of {row.data}, {row.num_fake:,} fake"
        for key, row in sources.items()
    )
    return SideTable(
        key="transfer",
        title="On other reviews",
        meaning=(
            "F1 of each entry, at its own threshold, on reviews that nothing was trained on or chosen by; in brackets, "
            f"how often a fake outscores a genuine one (AUC) and the share of genuine ones called fake (FPR). {of}."
        ),
        head=("Entry", *titles.values()),
        rows=tuple(_transfer_row(entry, group, sources.keys()) for entry in group.entries if entry.test),
    )


def transfer_titles(group: Group) -> dict[tuple[str, str], str]:
    """What reviews from elsewhere are called, by their name and SHA-256: several of one name are told apart."""
    keys = list(dict.fromkeys((row.name, row.data_sha256) for entry in group.entries for row in entry.transfer))
    names = [name for name, _ in keys]
    return {(name, key): name if names.count(name) == 1 else f"{name} ({key[:8]})" for name, key in keys}


def _transfer_row(entry: Entry, group: Group, sources: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    scored = {(row.name, row.data_sha256): elsewhere_text(row) for row in entry.transfer}
    return (_name(entry, group), *(scored.get(key, NOTHING) for key in sources))


def _name(entry: Entry, group: Group) -> str:
    """The family, with the study where the board has it of several."""
    alone = sum(other.family == entry.family for other in group.entries) == 1
    return entry.family if alone else f"{entry.family} ({entry.study_id})"


def without_each_source(group: Group) -> SideTable | None:
    """What entries are worth on each source by a training without it; None where no entry has been trained so."""
    by_source = {
        _name(entry, group): {scores.source: elsewhere_text(scores) for scores in entry.unseen.sources}
        for entry in group.entries
        if entry.unseen
    }
    sources = sorted({source for own in by_source.values() for source in own})
    if not sources:
        return None
    return SideTable(
        key="unseen",
        title="Without each source",
        meaning="Each entry's configuration was trained once more without a source, then scored on that source at the "
        "entry's own threshold: what to expect of reviews from where none were labelled. F1; in brackets ROC AUC and "
        "the share of genuine reviews called fake (FPR).",
        head=("Entry", *sources),
        rows=tuple((name, *(own.get(source, NOTHING) for source in sources)) for name, own in by_source.items()),
    )


def _otherwise(group: Group) -> SideTable | None:
    """F1 on the same reviews in each of their looks, with what it loses there."""
    known = [(entry, entry.robustness) for entry in group.entries if entry.robustness]
    if not known:
        return None
    names = [name for name in LOOKS if any(name in scores for _, scores in known)]
    rows = []
    for entry, scores in known:
        cells = [_look_text(scores, name) for name in names]
        rows.append((_name(entry, group), f"{scores[PLAIN].num_reviews:,}", *cells))
    head = ("Entry", "Reviews", *(LOOKS[name] for name in names))
    return SideTable("looks", "When the same reviews look otherwise", MEANING_OF_LOOKS, head, tuple(rows))


def _look_text(scores: Mapping[str, VariantScores], name: str) -> str:
    """F1 in a look, with how far it lies from that of the reviews as they are, `0.801 (-0.152)`."""
    if name not in scores:
        return NOTHING
    f1 = scores[name].f1
    return f"{f1:.3f}" if name == PLAIN else f"{f1:.3f} ({f1 - scores[PLAIN].f1:+.3f})"


MAKERS: tuple[Callable[[Group], SideTable | None], ...] = (without_each_source, transfer_table, _otherwise)
"""Each makes a table of a group, or None."""
