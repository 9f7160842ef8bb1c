"""What a selected classifier says of the validation and the test split: kept beside its entry, and scored.

Shape letter: `N` reviews of the split.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.artifact_info import ArtifactInfo
from reviewtune.data.store import note_of, write_parquet
from reviewtune.errors import StudyError
from reviewtune.evaluation.metrics import classification_scores, prevalence_scores
from reviewtune.evaluation.roc_interval import tpr_ends
from reviewtune.evaluation.significance import f1_interval
from reviewtune.leaderboard.scores import TestScores
from reviewtune.leaderboard.ties import PREDICTED
from reviewtune.schema import CLUSTER, FAKE, FAKE_PROBABILITY, ID, SOURCE

VALIDATION_PREDICTIONS_FILE = "validation_predictions.parquet"
"""Beside an entry, with the columns of the file of its test predictions: of the rows that chose it, which are those of
the validation split, or all development rows, each by a training that it was held out from."""
SCORE = "score"
TRIAL = "trial_id"
"""In the note of a file of predictions; earlier versions wrote none."""
UNSEEN_PREDICTIONS_FILE = "unseen_predictions.parquet"
"""Beside an entry, with a further column, source: of development rows, each by a training without its source."""


def keep_predictions(
    path: Path,
    ids: list[str],
    fake: NDArray[np.bool_],
    scores: NDArray[np.float64],
    info: ArtifactInfo,
    *,
    units: NDArray[np.int64],
    sources: list[str] | None = None,
) -> None:
    """Write a row a review: its id, fake, the model's score, the fake probability, the label, its cluster and source.

    Args:
        path: Parquet file.
        ids: N.
        fake: (N,) labels.
        scores: (N,) uncalibrated.
        info: With the calibration of the scores, and the threshold.
        units: (N,) the cluster of each review in the split.
        sources: N, where they are told.
    """
    probability = info.fake_probability(scores)
    predicted = probability > info.threshold
    said = {SCORE: scores, FAKE_PROBABILITY: probability, PREDICTED: predicted}
    columns = {ID: ids, FAKE: fake, **said, CLUSTER: units, **({SOURCE: sources} if sources else {})}
    write_parquet(pa.table(columns), path, {TRIAL: info.trial_id})


def kept_predictions(path: Path, trial_id: str | None) -> tuple[pa.Array, NDArray[np.float64]]:
    """(N,) ids of the reviews and (N,) scores that `keep_predictions` wrote for that trial.

    Raises:
        StudyError: The file is missing, keeps no scores or no finite ones, or is of another trial.
    """
    try:
        table = pq.read_table(path, columns=[ID, SCORE])
    except (pa.ArrowException, OSError, KeyError):
        raise StudyError(f"{path} keeps no scores") from None
    if note_of(table).get(TRIAL, trial_id) != trial_id:
        raise StudyError(f"{path} is of another trial")
    scores: NDArray[np.float64] = table[SCORE].to_numpy()
    if not np.isfinite(scores).all():
        raise StudyError(f"{path} holds a score that is not finite")
    return table[ID].combine_chunks(), scores


def kept_scores(path: Path, ids: list[str], trial_id: str | None) -> NDArray[np.float64]:
    """(N,) scores of the reviews `ids`, which `keep_predictions` wrote for that trial, perhaps with others.

    Raises:
        StudyError: As `kept_predictions`, or the file is of other reviews.
    """
    kept, scores = kept_predictions(path, trial_id)
    places = pc.index_in(pa.array(ids), kept)
    if places.null_count:
        raise StudyError(f"{path} is of other reviews")
    return np.asarray(scores[places.to_numpy()])


def scores_on_test(
    fake: NDArray[np.bool_], scores: NDArray[np.float64], info: ArtifactInfo, units: NDArray[np.int64]
) -> TestScores:
    """Every score of N test reviews, with the intervals of those that have one.

    Args:
        fake: (N,) labels.
        scores: (N,) uncalibrated.
        info: With the calibration of the scores, and the threshold.
        units: (N,) the cluster of each review in the split.
    """
    # Of the split's own share of fakes, whatever share they are corrected to for others.
    probability = info.calibration.apply(scores)
    predicted = info.fake_probability(scores) > info.threshold
    interval = f1_interval(fake, predicted, units=units)
    measured: dict[str, Any] = classification_scores(fake, probability, predicted)
    return TestScores(
        **measured,
        f1_low=interval.low,
        f1_high=interval.high,
        f1_rough=interval.rough,
        num_units=len(np.unique(units)),
        **tpr_ends(fake, probability, units),
        **prevalence_scores(measured, info.prevalence),
    )
