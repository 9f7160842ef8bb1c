"""How a card writes what others named, numbers and tables: nothing of it breaks YAML or Markdown."""

from collections.abc import Iterable, Sequence

from reviewtune.errors import escaped
from reviewtune.evaluation.elsewhere import ElsewhereScores
from reviewtune.leaderboard.cells import DASH, NOTHING
from reviewtune.markup import in_markdown

ELSEWHERE = (
    "number", "fake", "F1 (95 % interval)", "precision", "recall", "FPR", "ROC AUC", "TPR at 1 % FPR",
    "TPR at 0.1 % FPR",
)  # fmt: skip
"""Head of a table of `elsewhere_cells`."""


def plain(text: str) -> str:
    """The text on one line, with whatever is not printed written out."""
    return escaped(" ".join(text.split()))


def literal(text: str) -> str:
    """The same where Markdown is read: nothing of it is markup."""
    return in_markdown(plain(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are Markdown already; the first column to the left, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def with_ends(value: float, low: float | None, high: float | None) -> str:
    """A score with the ends of its interval, where it has one: `0.9414 (0.9260 to 0.9537)`, with a dash for `to`."""
    return f"{value:.4f}" if low is None or high is None else f"{value:.4f} ({low:.4f}{DASH}{high:.4f})"


def elsewhere_cells(scores: ElsewhereScores) -> list[str]:
    """As many cells as `ELSEWHERE`; a dash where reviews of one class tell nothing."""
    f1 = NOTHING if scores.f1 is None else with_ends(scores.f1, scores.f1_low, scores.f1_high)
    rates = (
        scores.precision, scores.recall, scores.fpr, scores.roc_auc, scores.tpr_at_fpr_01, scores.tpr_at_fpr_001
    )  # fmt: skip
    return [
        f"{scores.num_reviews:,}",
        f"{scores.num_fake:,}",
        f1,
        *(NOTHING if rate is None else f"{rate:.4f}" for rate in rates),
    ]
