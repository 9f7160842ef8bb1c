"""The rows of a packed step: each slot's own minibatch, concatenated without padding under a token budget.

Shape letters: `T` tokens, `B` reviews.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reviewtune.encoders.batches import token_batches


@dataclass(frozen=True)
class Part:
    """Some rows of one slot that are run together.

    Attributes:
        slot: Its place in the pack.
        rows: (B,) of the reviews.
        weight: Of each row's loss: one over the slot's whole batch.
        tokens_before, rows_before: Of the slot's batch that other parts hold.
    """

    slot: int
    rows: NDArray[np.int64]
    weight: float = 1.0
    tokens_before: int = 0
    rows_before: int = 0


def cut(slot: int, batch: NDArray[np.int64], lengths: NDArray[np.int64], budget: int) -> list[Part]:
    """The parts of a slot's batch, each of at most `budget` tokens: cut as if it were alone in the step."""
    parts, tokens, rows = [], 0, 0
    for picked in token_batches(lengths[batch], budget):
        parts.append(Part(slot, batch[picked], 1 / len(batch), tokens, rows))
        tokens += int(lengths[batch[picked]].sum())
        rows += len(picked)
    return parts


def micro_steps(parts: Sequence[Sequence[Part]], lengths: NDArray[np.int64], budget: int) -> list[list[Part]]:
    """Which parts run in one pass: at most one of each slot, slots in order, at most `budget` tokens unless alone.

    Passes of a step are of like size: few sizes mean few recordings of a pass on a GPU.

    Args:
        parts: Of each slot, in the order in which it would run them alone.
        lengths: Tokens of every review.
        budget: Most tokens of a pass.
    """
    passes: list[list[Part]] = []
    for turn in range(max((len(own) for own in parts), default=0)):
        sized = [(int(lengths[own[turn].rows].sum()), own[turn]) for own in parts if turn < len(own)]
        total = sum(tokens for tokens, _ in sized)
        share = total / -(-total // budget) if budget and total else 0
        size = budget + 1
        for tokens, part in sized:
            if size + tokens > budget or size >= share:
                passes.append([])
                size = 0
            passes[-1].append(part)
            size += tokens
    return passes
