"""How much a pack holds, and how many tokens run in one pass: fewer from then on where the device's memory is short."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from reviewtune.adapters.optimizer import ADAMW
from reviewtune.errors import StudyError
from reviewtune.tracebacks import reason_of

LEAST_TOKENS = 1024
"""A pass of fewer tokens that still does not fit is an error."""
W = TypeVar("W")


@dataclass(frozen=True)
class PackRoom:
    """How much a pack holds.

    Attributes:
        slots: K.
        rank: The largest that an adapter may have.
        target: `attention`, or `all-linear` where any adapter may be on all linear layers.
        tokens: Most tokens of a pass; what the device's memory bears.
        optimizer: Of all slots, one of `adamw.MOMENTS`.
    """

    slots: int
    rank: int
    target: str
    tokens: int
    optimizer: str = ADAMW


@dataclass
class TokenBudget:
    """How many tokens run at once.

    Attributes:
        tokens: Most of a pass.
        of_part: Most of what one slot has in a pass.
        room: Of the pack, for the error.
        forget: Called before another try, to let go of whatever was prepared for larger passes.
    """

    tokens: int
    of_part: int
    room: PackRoom
    forget: Callable[[], None]

    def within(self, work: Callable[[], W]) -> W:
        """What `work` gives. A device that is out of memory gets smaller passes from then on, and another try.

        Raises:
            StudyError: The smallest passes are too large, or the layers cannot be compiled.
        """
        while True:
            try:
                return work()
            except torch.OutOfMemoryError:
                if self.tokens <= LEAST_TOKENS:
                    raise StudyError(
                        f"the GPU's memory does not hold passes of {LEAST_TOKENS} tokens beside {self.room.slots} "
                        f"slots of rank {self.room.rank}: give fewer --slots, smaller ranks, or free the card"
                    ) from None
            except Exception as error:
                if not _is_of_compiler(error):
                    raise
                reason = reason_of(error)
                raise StudyError(f"the layers cannot be compiled ({reason}): give --executor ddp") from None
            self.tokens = max(LEAST_TOKENS, self.tokens // 2)
            self.of_part = min(self.of_part, self.tokens)
            self.forget()
            torch.cuda.empty_cache()


def _is_of_compiler(error: Exception) -> bool:
    """Whether torch.compile raised it, whose modules, a second of imports, are there only where it was asked for."""
    errors = sys.modules.get("torch._dynamo.exc")
    return errors is not None and isinstance(error, errors.TorchDynamoException)
