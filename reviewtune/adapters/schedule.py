"""Which rows make each step of a training, and where it stops to be evaluated.

A *leg* is what lies between two evaluations: an epoch, or one of the near-equal parts that an epoch is cut into. Before
these a share of the first epoch may be a leg of its own.
Shape letters: `N` training reviews, `B` batch.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Course:
    """A training from its first step to its last. How it is cut into legs changes no step.

    Attributes:
        count: N.
        batch_size: B, over all workers.
        epochs: Passes over all rows.
        evaluations_per_epoch: Legs of an epoch, or as many as it has steps where those are fewer.
        first_rung: Share of the first epoch that is a leg of its own; None: there is none.
    """

    count: int
    batch_size: int
    epochs: int
    evaluations_per_epoch: int = 1
    first_rung: float | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return -(-self.count // self.batch_size)

    @property
    def steps(self) -> int:
        """Optimizer steps in all."""
        return self.epochs * self.steps_per_epoch

    @property
    def legs_per_epoch(self) -> int:
        """Legs of an epoch, none of them empty."""
        return min(self.evaluations_per_epoch, self.steps_per_epoch)

    @property
    def share(self) -> float | None:
        """Of the first epoch, that is a leg of its own; None where that would be no shorter than the leg after it."""
        if self.first_rung is None:
            return None
        return self.first_rung if self._share_steps < self.steps_per_epoch // self.legs_per_epoch else None

    @property
    def _share_steps(self) -> int:
        return max(1, round((self.first_rung or 0) * self.steps_per_epoch))

    def _of_epochs(self, leg: int) -> int:
        """Legs that epochs are cut into among the first `leg`."""
        return leg if self.share is None else max(0, leg - 1)

    @property
    def legs(self) -> int:
        """Legs in all."""
        return self.epochs * self.legs_per_epoch + (self.share is not None)

    def end_of(self, leg: int) -> int:
        """Steps that are done after a leg, counted from 1."""
        if self.share is not None and leg == 1:
            return self._share_steps
        return self._of_epochs(leg) * self.steps_per_epoch // self.legs_per_epoch

    def leg_at(self, steps: int) -> int:
        """Legs that are done after so many steps: the last whose end is not beyond them."""
        leg = ((steps + 1) * self.legs_per_epoch - 1) // self.steps_per_epoch
        return leg if self.share is None else leg + (steps >= self._share_steps)

    def epoch_at(self, steps: int) -> float:
        """Epochs that are done after so many steps, by whole legs: 0.5 after the first of two.

        Parts of an epoch count alike, so that trials of all batch sizes stand at the same points.
        """
        leg = self.leg_at(steps)
        if self.share is not None and leg == 1:
            return self.share
        return self._of_epochs(leg) / self.legs_per_epoch

    def batches_from(self, steps: int, seed: int) -> list[NDArray[np.int64]]:
        """Row numbers of each step after `steps`, to the end of the leg."""
        done, start = divmod(steps, self.steps_per_epoch)
        end = self.end_of(self.leg_at(steps) + 1) - done * self.steps_per_epoch
        return epoch_batches(self.count, batch_size=self.batch_size, seed=seed, epoch=done + 1)[start:end]
