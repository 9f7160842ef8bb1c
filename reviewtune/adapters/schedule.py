"""Which rows make each step of an epoch.

Shape letters: `N` training reviews, `B` batch.
"""

import numpy as np
from numpy.typing import NDArray

BUCKET_BATCHES = 16
"""Batches whose rows are sorted by length together: less padding, and still a new mixture every epoch."""


def epoch_batches(lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Row numbers of each step of an epoch: every row once, in an order that the seed and the epoch fix.

    The rows are shuffled, sorted by length within buckets of `BUCKET_BATCHES` batches, cut into batches, and these are
    shuffled. All have `batch_size` rows but for the last of the cut.

    Args:
        lengths: (N,) tokens of each row.
        batch_size: B, over all workers.
        seed: The trial's seed.
        epoch: Counted from 1.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    bucket = batch_size * BUCKET_BATCHES
    pieces = [order[start : start + bucket] for start in range(0, len(order), bucket)]
    ordered = np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces])
    batches = [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]
    return [batches[index] for index in generator.permutation(len(batches))]
