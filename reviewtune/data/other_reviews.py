"""Reviews from elsewhere, which nothing has been trained on or chosen by. Shape letter: `N` reviews."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.duplicates import apart_from
from reviewtune.data.reviews import Reviews
from reviewtune.data.shown import shown
from reviewtune.errors import DataError, escaped
from reviewtune.schema import FAKE, TEXT


@dataclass(frozen=True)
class OtherReviews:
    """Labelled reviews that a study does not know, of one class or both.

    Attributes:
        name: What they are called.
        data: Their source: a file name, a hub id or `sample`.
        data_sha256: As `Reviews.sha256`, of those that are left.
        texts: N.
        fake: (N,) true where the review is fake.
        units: (N,) equal where reviews are near-duplicates.
        left_out: Those of the source that the study knows.
    """

    name: str
    data: str
    data_sha256: str
    texts: list[str]
    fake: NDArray[np.bool_]
    units: NDArray[np.int64]
    left_out: int = 0

    def lines(self) -> list[str]:
        """For people: what they are, and what was left out.

        Examples:
            >>> one = {"texts": ["A quiet room."], "fake": np.array([False]), "units": np.array([0])}
            >>> OtherReviews("hotels", "guests.csv", "0" * 64, **one).lines()
            ['elsewhere: hotels, 1 reviews of guests.csv, 0 of them fake']
        """
        counts = f"{len(self.fake):,} reviews of {self.data}, {int(self.fake.sum()):,} of them fake"
        lines = [f"elsewhere: {self.name}, {counts}"]
        if self.left_out:
            lines.append(
                f"  left out of {self.name}, for they are the study's reviews or near-duplicates of them: "
                f"{self.left_out:,}"
            )
        return lines


def other_reviews(name: str, reviews: Reviews, known: Sequence[str], *, threshold: float = 0.5) -> OtherReviews:
    """The reviews less those that are known, exactly or nearly, which would flatter.

    Args:
        name: What they are called.
        reviews: At least one.
        known: Texts of a study.
        threshold: Word 3-gram Jaccard similarity from which two reviews are near-duplicates.

    Raises:
        DataError: None is left.

    Examples:
        >>> from reviewtune.data.reviews import load_reviews
        >>> sample = load_reviews("sample")
        >>> known = sample.table["text"].to_pylist()[:600]
        >>> found = other_reviews("the rest", sample, known)
        >>> len(found.texts), found.left_out
        (381, 619)
    """
    apart, units = apart_from(reviews.table[TEXT].to_pylist(), known, threshold=threshold)
    if not apart.any():
        raise DataError(
            f"{shown(name)}: all {len(apart):,} reviews of {shown(reviews.name)} are those of the study or "
            "near-duplicates of them, and tell nothing of elsewhere: give others"
        )
    left = reviews.only(apart)
    return OtherReviews(
        name=escaped(name),
        data=escaped(reviews.name),
        data_sha256=left.sha256,
        texts=left.table[TEXT].to_pylist(),
        fake=left.table[FAKE].to_numpy(zero_copy_only=False),
        units=units[apart],
        left_out=int((~apart).sum()),
    )
