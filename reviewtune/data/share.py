"""A share of reviews, each class represented as in all of them; a smaller share is part of a larger one.

Shape letter: `N` reviews.
"""

import numpy as np
from numpy.typing import NDArray

LEAST_ROWS = 2
"""Of each class: with fewer no fit makes sense."""


def nested_share(fake: NDArray[np.bool_], share: float, *, seed: int) -> NDArray[np.int64]:
    """The ascending numbers of a share of N reviews: of each class so much, at least `LEAST_ROWS`.

    Args:
        fake: (N,) class of each review.
        share: Above 0 and at most 1. The rows of a smaller share are among those of a larger one by the same seed.
        seed: Of the order in which rows are taken.

    Examples:
        >>> fake = np.arange(1000) % 10 == 0
        >>> tenth = nested_share(fake, 0.1, seed=0)
        >>> len(tenth), int(fake[tenth].sum())
        (100, 10)
    """
    order = np.random.default_rng(seed).permutation(len(fake))
    classes = [order[fake[order] == label] for label in (False, True)]
    return np.sort(np.concatenate([own[: max(LEAST_ROWS, round(share * len(own)))] for own in classes]))
