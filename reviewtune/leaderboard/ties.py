"""Whether two entries are tied: their labels of the same test reviews, compared review by review."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune import schema
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.significance import paired_f1_difference

PREDICTED = "predicted"


@dataclass(frozen=True)
class Predictions:
    """An entry's labels of the N test reviews, in the order of their ids.

    Attributes:
        ids: (N,) str, unique.
        fake: (N,) bool.
        predicted: (N,) bool, true where the entry's classifier calls the review fake.
    """

    ids: NDArray[np.str_]
    fake: NDArray[np.bool_]
    predicted: NDArray[np.bool_]


def read_predictions(path: Path) -> Predictions:
    """The predictions in a Parquet file with the columns id, fake and predicted.

    Raises:
        ArtifactError: The file is missing or damaged, lacks a column or a value, or names a review twice.
    """
    mend = "run its study again to compare the entry with the best"
    if not path.is_file():
        raise ArtifactError(f"{path} is missing: {mend}")
    try:
        table = pq.read_table(path, columns=[schema.ID, schema.FAKE, PREDICTED])
        ids = table[schema.ID].to_numpy().astype(np.str_)
        fake, predicted = (table[name].cast(pa.bool_()).to_numpy() for name in (schema.FAKE, PREDICTED))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ArtifactError(f"{path} is no table of predictions ({str(error).splitlines()[0]}): {mend}") from None
    if not len(ids) or table.select([schema.ID, schema.FAKE, PREDICTED]).drop_null().num_rows < len(ids):
        raise ArtifactError(f"{path} has no rows or rows without a value: {mend}")
    order = np.argsort(ids)
    ids = ids[order]
    if (ids[1:] == ids[:-1]).any():
        raise ArtifactError(f"{path} names review {str(ids[1:][ids[1:] == ids[:-1]][0])!r} twice: {mend}")
    return Predictions(ids, fake[order].astype(bool), predicted[order].astype(bool))


def tied(entry: Predictions, best: Predictions) -> bool:
    """The 95 % interval of the paired difference in test F1 contains 0.

    Raises:
        ArtifactError: The two are not of the same reviews with the same labels.
    """
    if not np.array_equal(entry.ids, best.ids):
        raise ArtifactError("their predictions are not of the same reviews; run the older study again")
    if not np.array_equal(entry.fake, best.fake):
        raise ArtifactError("their predictions disagree on which reviews are fake; run the older study again")
    return paired_f1_difference(best.fake, best.predicted, entry.predicted).tied
