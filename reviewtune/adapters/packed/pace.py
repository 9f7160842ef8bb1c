"""How far the host may run ahead of a GPU."""

from collections import deque
from typing import Any

import torch

STEPS_AHEAD = 2
"""Steps that are built before the device has done them: enough to keep it busy. Further ahead, the host would act late
on trials that come and go."""


class Pace:
    """Holds the host back; on a CPU, which has done each step when it returns, it does nothing.

    Args:
        device: Where the steps run.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._ends: deque[Any] = deque()

    def keep(self) -> None:
        """After each step: wait until no more than `STEPS_AHEAD` are left to the device."""
        if self.device.type != "cuda":
            return
        end: Any = torch.cuda.current_stream(self.device).record_event()
        self._ends.append(end)
        if len(self._ends) > STEPS_AHEAD:
            self._ends.popleft().synchronize()
