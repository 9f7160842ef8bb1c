"""Which words of a listed review spoke for fake and which against, marked in its text, where texts are shown."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.entry import EXPLANATIONS_FILE
from reviewtune.leaderboard.explained_errors import ErrorWords, read_explanations
from reviewtune.leaderboard.page.listed import LONGEST_CELL, Cell, Listed, Marked
from reviewtune.markup import visible
from reviewtune.schema import ID, TEXT

TOP = 4
LEVELS = 3
WHY = "why"


@dataclass
class Texts:
    """The texts of reviews by their ids, from the store of a results directory; read once, when first needed."""

    results_dir: Path
    _tables: list[pa.Table] | None = field(default=None, repr=False)

    def of(self, ids: list[str]) -> dict[str, str]:
        """Those that the store has."""
        if self._tables is None:
            self._tables = [table for path in self._paths() if (table := _texts(path)) is not None]
        wanted = pa.array(ids, pa.string())
        found: dict[str, str] = {}
        for table in self._tables:
            rows = table.filter(pc.is_in(table[ID], wanted))
            found |= dict(zip(rows[ID].to_pylist(), rows[TEXT].to_pylist(), strict=True))
        return found

    def _paths(self) -> list[Path]:
        return sorted((self.results_dir / "store" / "reviews").glob("*.parquet"))


def with_words(listed: Listed | None, folder: Path, texts: Texts) -> Listed | None:
    """The list with the words marked in its texts, and the weightiest ones in a column; as it is where none are known.

    Args:
        listed: Of an entry's errors, with their texts.
        folder: The entry's.
        texts: Of the reviews; one whose words were weighed in another text stays as it is.
    """
    if listed is None or ID not in listed.head or TEXT not in listed.head or not (known := _known(folder)):
        return listed
    own, place = listed.head.index(ID), listed.head.index(TEXT)
    ids = [str(row[own]) for row in listed.rows]
    whole = texts.of([one for one in ids if one in known])
    rows: list[tuple[Cell, ...]] = []
    for name, row in zip(ids, listed.rows, strict=True):
        words = _fitting(known.get(name), whole.get(name))
        cells = list(row)
        if words:
            cells[place] = _marked(whole[name], words)
        rows.append((*cells, _top(whole[name], words) if words else ""))
    if not any(row[-1] for row in rows):
        return listed
    return Listed((*listed.head, WHY), tuple(rows), listed.more, listed.hidden)


def _known(folder: Path) -> dict[str, ErrorWords]:
    """What is kept of each review, by its id; empty where it is damaged, since the study's command makes it again."""
    try:
        kept = read_explanations(folder / EXPLANATIONS_FILE)
    except ArtifactError:
        return {}
    return {one.id: one for one in kept.explanations} if kept else {}


def _fitting(kept: ErrorWords | None, text: str | None) -> list[tuple[int, int, float]]:
    """Words with their weights, in their order; none where they are those of another text."""
    if kept is None or text is None or not kept.is_of(text):
        return []
    words = sorted(kept.words)
    ends = [0, *(end for _, end, _ in words)]
    fits = all(last <= start < end <= len(text) for last, (start, end, _) in zip(ends, words, strict=False))
    return words if fits else []


def _marked(text: str, words: list[tuple[int, int, float]]) -> tuple[Marked, ...]:
    """The text's beginning in pieces, each with a level from -`LEVELS` (genuine) to `LEVELS` (fake)."""
    largest = max(abs(weight) for *_, weight in words) or 1.0
    pieces, last = list[Marked](), 0
    for start, end, weight in words:
        if start >= LONGEST_CELL:
            break
        level = min(int(abs(weight) / largest * (LEVELS + 0.999)), LEVELS)
        pieces += [Marked(_flat(text[last:start]), 0), Marked(_flat(text[start:end]), level if weight > 0 else -level)]
        last = end
    rest = text[last : max(last, LONGEST_CELL)]
    more = "\N{HORIZONTAL ELLIPSIS}" if last + len(rest) < len(text) else ""
    return tuple(piece for piece in (*pieces, Marked(_flat(rest) + more, 0)) if piece.text)


def _top(text: str, words: list[tuple[int, int, float]]) -> str:
    """The weightiest words: `broke +0.41, seller -0.22`."""
    first = sorted(words, key=lambda word: -abs(word[2]))[:TOP]
    return ", ".join(f"{_flat(text[start:end]).strip()[:24]} {weight:+.2f}" for start, end, weight in first)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", visible(text))


def _texts(path: Path) -> pa.Table | None:
    try:
        return pq.read_table(path, columns=[ID, TEXT])
    except (pa.ArrowException, OSError, KeyError):
        return None
