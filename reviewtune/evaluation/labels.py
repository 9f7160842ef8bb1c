"""What every score of this package asks of its label arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reviewtune.errors import DataError


def as_labels(**arrays: ArrayLike) -> tuple[NDArray[np.bool_], ...]:
    """The given arrays as (N,) bool, in the order given; the keywords name them in errors.

    Raises:
        DataError: An array is empty, not one-dimensional, holds anything but false and true (or 0 and 1), or differs in
            length from the first.

    Examples:
        >>> (fake,) = as_labels(fake=[1, 0, True])
        >>> fake.tolist()
        [True, False, True]
        >>> as_labels(fake=[1, 0], predicted=[1, 0, 1])
        Traceback (most recent call last):
        reviewtune.errors.DataError: predicted has 3 labels, but fake has 2
    """
    labels: list[NDArray[np.bool_]] = []
    for name, array in arrays.items():
        values = np.asarray(array)
        if values.ndim != 1 or not len(values):
            raise DataError(f"{name} must be a row of at least one label, but its shape is {values.shape}")
        if not np.isin(values, (0, 1)).all():
            raise DataError(f"{name} must hold false and true only, but holds {values[~np.isin(values, (0, 1))][0]!r}")
        if labels and len(values) != len(labels[0]):
            raise DataError(f"{name} has {len(values)} labels, but {next(iter(arrays))} has {len(labels[0])}")
        labels.append(values.astype(bool))
    return tuple(labels)


def has_both_classes(fake: NDArray[np.bool_]) -> bool:
    """Whether `fake`, (N,), holds a fake and a genuine review.

    Examples:
        >>> has_both_classes(np.array([True, False])), has_both_classes(np.array([True, True]))
        (True, False)
    """
    return bool(fake.any() and not fake.all())


def require_both_classes(fake: NDArray[np.bool_], purpose: str) -> None:
    """Raise unless `fake`, (N,), holds a fake and a genuine review.

    Raises:
        DataError: One class is missing.

    Examples:
        >>> require_both_classes(np.array([True, True]), "scoring")
        Traceback (most recent call last):
        reviewtune.errors.DataError: scoring needs fake and genuine reviews, but all 2 are fake: split more reviews
    """
    if not has_both_classes(fake):
        kind = "fake" if fake.all() else "genuine"
        raise DataError(f"{purpose} needs fake and genuine reviews, but all {len(fake)} are {kind}: split more reviews")
