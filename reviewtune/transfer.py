"""An artifact scored on reviews from elsewhere, at its own threshold, and what its folder then says of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reviewtune.artifact import CARD_FILE, ArtifactInfo, model_card
from reviewtune.data.other_reviews import OtherReviews
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.evaluation.transfer import TransferScores, read_transfer, write_transfer
from reviewtune.files import write_text
from reviewtune.markup import in_markdown
from reviewtune.predict import Classifier

HEAD = (
    "reviews", "number", "fake", "F1 (95 % interval)", "precision", "recall", "FPR", "ROC AUC", "TPR at 1 % FPR",
    "TPR at 0.1 % FPR",
)  # fmt: skip


def transfer_scores(classifier: Classifier, others: OtherReviews) -> TransferScores:
    """What a classifier does on N reviews that it knows nothing of."""
    return scores_of(classifier.info, others, classifier.fake_probability(others.texts))


def scores_of(info: ArtifactInfo, others: OtherReviews, probability: NDArray[np.float64]) -> TransferScores:
    """What an artifact does there, whose (N,) fake probabilities are known."""
    scores = elsewhere_scores(others.fake, probability, probability > info.threshold, others.units)
    return TransferScores(
        **scores.model_dump(),
        name=others.name,
        data=others.data,
        data_sha256=others.data_sha256,
        threshold=info.threshold,
        max_fpr=info.max_fpr,
        prevalence=info.prevalence,
    )


def keep_transfer(folder: Path, info: ArtifactInfo, rows: Sequence[TransferScores]) -> None:
    """Keep rows in an artifact's folder, in place of those of the same names, and write its model card anew.

    Args:
        folder: Of the artifact.
        info: What its `reviewtune.json` says.
        rows: Of that operating point.

    Raises:
        ArtifactError: The rows that are there are damaged, or nothing can be written.
    """
    try:
        write_transfer(folder, [*read_transfer(folder), *rows])
        write_text(folder / CARD_FILE, model_card(info, card_section(info, read_transfer(folder))))
    except OSError as error:
        raise ArtifactError(
            f"{error.filename or folder} cannot be written ({error.strerror}): make room, or make it writable"
        ) from None


def card_section(info: ArtifactInfo, rows: Sequence[TransferScores]) -> str:
    """The part of a model card on reviews from elsewhere, in Markdown; empty without rows of its operating point."""
    lines = [_line(row) for row in rows if row.is_at(info)]
    if not lines:
        return ""
    table = "\n".join([f"| {' | '.join(HEAD)} |", f"|---|{'---:|' * (len(HEAD) - 1)}", *lines])
    return f"""
## Elsewhere

On reviews that took no part in its training or in any choice, at the threshold {info.threshold:.4f}:

{table}
"""


def _line(row: TransferScores) -> str:
    """A row of the table; a dash where reviews of one class tell nothing."""
    f1 = "–" if row.f1 is None else f"{row.f1:.4f} ({row.f1_low:.4f}–{row.f1_high:.4f})"  # noqa: RUF001
    rates = (row.precision, row.recall, row.fpr, row.roc_auc, row.tpr_at_fpr_01, row.tpr_at_fpr_001)
    cells = [
        f"{in_markdown(row.name)} ({in_markdown(row.data)})",
        f"{row.num_reviews:,}",
        f"{row.num_fake:,}",
        f1,
        *("–" if rate is None else f"{rate:.4f}" for rate in rates),  # noqa: RUF001
    ]
    return f"| {' | '.join(cells)} |"
