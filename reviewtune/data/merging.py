"""Each text once, with one label: which rows of a source are kept, and an account of the others."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from reviewtune.data.shown import quoted
from reviewtune.data.texts import is_number, normalise, text_id
from reviewtune.schema import FAKE, FAKE_NAME, GENUINE_NAME, GROUP, ID, SOURCE, TEXT


@dataclass(frozen=True)
class ReviewReport:
    """What became of the rows of a source. `rows_read` is the sum of `kept` and all rows left out."""

    rows_read: int
    missing_text: int
    """Rows whose text is null, or a word for it (see `missing`)."""
    empty_text: int
    """Rows whose text is blank."""
    non_text: int
    """Rows whose text is a bare number."""
    missing_label: int
    duplicates_merged: int
    """Rows whose text and label an earlier row has."""
    contradictory_texts: int
    """Texts that occur with both labels; all of their rows, `contradictory_rows`, are dropped."""
    contradictory_rows: int
    kept: int
    fake: int
    genuine: int
    surrogates_replaced: int = 0
    """Rows whose text held half of a surrogate pair, which was replaced: kept or left out for another reason."""
    sources: dict[str, list[int]] = field(default_factory=dict)
    """Genuine and fake reviews that are kept of each source, where there are several."""

    def lines(self) -> list[str]:
        """The report for people: what was kept, then a line for each reason that left rows out or changed them."""
        reasons = {
            "rows without a text": self.missing_text,
            "rows with a blank text": self.empty_text,
            "rows with a number for a text": self.non_text,
            "rows without a label": self.missing_label,
            "rows that repeat another row's text and label, merged": self.duplicates_merged,
            "rows whose text carries both labels, dropped": self.contradictory_rows,
            "rows with halves of characters in their text, replaced": self.surrogates_replaced,
        }
        kept = f"{self.kept:,} of {self.rows_read:,} rows kept: {self.fake:,} fake, {self.genuine:,} genuine"
        return [kept, *(f"{reason}: {count:,}" for reason, count in reasons.items() if count), *self._of_sources()]

    def _of_sources(self) -> list[str]:
        """A line for each source, and one for those that say more than they should."""
        lines = [
            f"source {quoted(name)}: {fake:,} fake, {genuine:,} genuine"
            for name, (genuine, fake) in self.sources.items()
        ]
        for name, counts in self.sources.items():
            if 0 in counts:
                kind = (GENUINE_NAME, FAKE_NAME)[counts.index(0)]
                lines.append(
                    f"one class: source {quoted(name)} has no {kind} review; a model can learn to tell the sources "
                    "apart instead of fake from genuine, and no score here would show it"
                )
        return lines


def merge(
    texts: list[str | None], columns: dict[str, list[Any]], surrogates_replaced: int = 0
) -> tuple[dict[str, list[Any]], ReviewReport]:
    """One row for each usable text that has one label, column by column, and the account of the others.

    Args:
        texts: As found, None where there is none.
        columns: By name, as many values; `FAKE`, `GROUP` and `SOURCE` among them. A kept row has those of its text's
            first row, but for `GROUP`: all groups of its text's rows, sorted, or None; and `SOURCE`: the first by name.
        surrogates_replaced: Rows whose text was mended when it was read.
    """
    counts = dict.fromkeys(("missing_text", "empty_text", "non_text", "missing_label"), 0)
    same_text: dict[str, list[int]] = {}
    for row, (found, fake) in enumerate(zip(texts, columns[FAKE], strict=True)):
        text = normalise(found or "")
        if not text:
            counts["missing_text" if found is None else "empty_text"] += 1
        elif is_number(text):
            counts["non_text"] += 1
        elif fake is None:
            counts["missing_label"] += 1
        else:
            same_text.setdefault(text, []).append(row)
    one_label = {text: rows for text, rows in same_text.items() if len({columns[FAKE][row] for row in rows}) == 1}
    firsts = [rows[0] for rows in one_label.values()]
    kept = {
        ID: list(map(text_id, one_label)),
        TEXT: list(one_label),
        **{name: [values[row] for row in firsts] for name, values in columns.items()},
        GROUP: [sorted({columns[GROUP][row] for row in rows} - {None}) or None for rows in one_label.values()],
        SOURCE: [min(columns[SOURCE][row] for row in rows) for rows in one_label.values()],
    }
    fakes = sum(kept[FAKE])
    usable, unanimous = (sum(map(len, group.values())) for group in (same_text, one_label))
    report = ReviewReport(
        rows_read=len(texts),
        **counts,
        duplicates_merged=unanimous - len(firsts),
        contradictory_texts=len(same_text) - len(one_label),
        contradictory_rows=usable - unanimous,
        kept=len(firsts),
        fake=fakes,
        genuine=len(firsts) - fakes,
        surrogates_replaced=surrogates_replaced,
        sources=_count_sources(kept),
    )
    return kept, report


def _count_sources(kept: dict[str, list[Any]]) -> dict[str, list[int]]:
    """Genuine and fake rows of each source, by name; none where there is one source."""
    counts = Counter(zip(kept[SOURCE], kept[FAKE], strict=True))
    names = sorted({name for name, _ in counts})
    return {name: [counts[name, False], counts[name, True]] for name in names} if len(names) > 1 else {}
