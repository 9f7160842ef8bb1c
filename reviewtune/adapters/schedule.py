"""Which rows make each step of an epoch.

Shape letters: `N` training reviews, `B` batch.
"""

import numpy as np
from numpy.typing import NDArray


def epoch_batches(count: int, *, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Row numbers of each step of an epoch: every row once, in an order that the seed and the epoch fix.

    Lengths play no part: nothing is padded, and batches of like length would be less alike than chance makes them.

    Args:
        count: N.
        batch_size: B, over all workers; the last batch may have fewer rows.
        seed: The trial's seed.
        epoch: Counted from 1.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [order[start : start + batch_size] for start in range(0, count, batch_size)]
