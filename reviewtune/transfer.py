"""An artifact scored on reviews from elsewhere, at its own threshold, and its folder that keeps it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reviewtune.artifact_info import ArtifactInfo
from reviewtune.card.page import write_card
from reviewtune.data.other_reviews import OtherReviews
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.evaluation.transfer import TransferScores, read_transfer, write_transfer
from reviewtune.predict import Classifier


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


def keep_transfer(folder: Path, rows: Sequence[TransferScores]) -> None:
    """Keep rows in an artifact's folder, in place of those of the same names, and write its model card anew.

    Args:
        folder: Of the artifact.
        rows: Of its operating point.

    Raises:
        ArtifactError: What the folder holds is damaged, or nothing can be written.
    """
    try:
        write_transfer(folder, [*read_transfer(folder), *rows])
        write_card(folder)
    except OSError as error:
        raise ArtifactError(
            f"{error.filename or folder} cannot be written ({error.strerror}): make room, or make it writable"
        ) from None
