"""Which entries are tied with the first: the labels of the same test reviews, compared review by review."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune import schema
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.comparison import Difference, compare

PREDICTED = "predicted"


@dataclass(frozen=True)
class Predictions:
    """An entry's labels of the N test reviews, in the order of their ids.

    Attributes:
        ids: (N,) str, unique.
        fake: (N,) bool.
        predicted: (N,) bool, true where the entry's classifier calls the review fake.
        units: (N,) equal where reviews belong together; None in a file of an earlier version.
    """

    ids: NDArray[np.str_]
    fake: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    units: NDArray[np.int64] | None = None


def read_predictions(path: Path) -> Predictions:
    """The predictions in a Parquet file with the columns id, fake, predicted and, if it has them, cluster.

    Raises:
        ArtifactError: The file is missing or damaged, lacks a column or a value, or names a review twice.

    Examples:
        >>> from reviewtune.testing.made_entries import add_entry
        >>> entry = add_entry(Path("results"), "svm", (2, 1, 0, 3), unit=2)
        >>> predictions = read_predictions(entry.with_name("test_predictions.parquet"))
        >>> predictions.predicted.tolist(), predictions.units.tolist()
        ([True, True, False, False, False, False], [0, 0, 1, 1, 2, 2])
    """
    mend = "run its study again to compare the entry with the first"
    if not path.is_file():
        raise ArtifactError(f"{path} is missing: {mend}")
    try:
        known = schema.CLUSTER in pq.read_schema(path).names
        columns = [schema.ID, schema.FAKE, PREDICTED, *([schema.CLUSTER] if known else [])]
        table = pq.read_table(path, columns=columns)
        ids = table[schema.ID].to_numpy().astype(np.str_)
        fake, predicted = (table[name].cast(pa.bool_()).to_numpy() for name in (schema.FAKE, PREDICTED))
        units = table[schema.CLUSTER].cast(pa.int64()) if known else None
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ArtifactError(f"{path} is no table of predictions ({str(error).splitlines()[0]}): {mend}") from None
    if not len(ids) or table.drop_null().num_rows < len(ids):
        raise ArtifactError(f"{path} has no rows or rows without a value: {mend}")
    order = np.argsort(ids)
    ids = ids[order]
    if (ids[1:] == ids[:-1]).any():
        raise ArtifactError(f"{path} names review {str(ids[1:][ids[1:] == ids[:-1]][0])!r} twice: {mend}")
    in_order = None if units is None else units.to_numpy()[order]
    return Predictions(ids, fake[order].astype(bool), predicted[order].astype(bool), in_order)


def check_comparable(entry: Predictions, first: Predictions) -> None:
    """Raise unless both are of the same reviews with the same labels.

    Raises:
        ArtifactError: They are not.

    Examples:
        >>> ids, fake = np.array(["a", "b"]), np.array([True, False])
        >>> first = Predictions(ids, fake, predicted=np.array([True, True]))
        >>> check_comparable(Predictions(ids, fake, predicted=np.array([False, True])), first)
        >>> check_comparable(Predictions(ids, ~fake, predicted=np.array([True, True])), first)
        Traceback (most recent call last):
        reviewtune.errors.ArtifactError: their predictions disagree on which reviews are fake; run the older study again
    """
    if not np.array_equal(entry.ids, first.ids):
        raise ArtifactError("their predictions are not of the same reviews; run the older study again")
    if not np.array_equal(entry.fake, first.fake):
        raise ArtifactError("their predictions disagree on which reviews are fake; run the older study again")


def versus(first: Predictions, others: Mapping[str, Predictions]) -> dict[str, Difference]:
    """How far the F1 of each lies above that of the first, by name, with intervals that hold for all at once.

    Args:
        first: Ranked first, by a score that these reviews took no part in.
        others: Of the same reviews with the same labels.

    Raises:
        DataError: They are not of as many reviews.

    Examples:
        >>> ids, fake = np.arange(80).astype(str), np.arange(80) % 2 == 0
        >>> first = Predictions(ids, fake, predicted=fake)
        >>> found = versus(first, {"all called fake": Predictions(ids, fake, np.ones(80, bool))})
        >>> {name: (round(one.difference, 2), one.behind) for name, one in found.items()}
        {'all called fake': (-0.33, True)}
    """
    known = [each.units for each in (first, *others.values()) if each.units is not None]
    predicted = {name: each.predicted for name, each in others.items()}
    return compare(first.fake, first.predicted, predicted, units=known[0] if known else None)
