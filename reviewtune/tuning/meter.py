"""What a pack takes of its device: seconds, and the joules that a GPU's own counter tells."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from reviewtune.tuning.usage import gpu_in_use


@dataclass(frozen=True)
class Spent:
    """Of a device.

    Attributes:
        seconds: Of its time.
        joules: None where some of it was not measured.
    """

    seconds: float = 0.0
    joules: float | None = 0.0

    def plus(self, share: float, of: Self) -> "Spent":
        """With a share of what others spent too.

        Examples:
            >>> Spent(1.0, 50.0).plus(0.5, Spent(2.0, 300.0))
            Spent(seconds=2.0, joules=200.0)
        """
        joules = None if self.joules is None or of.joules is None else self.joules + share * of.joules
        return Spent(self.seconds + share * of.seconds, joules)


class DeviceMeter:
    """Measures from one look to the next.

    Args:
        joules: The device's counter, in J, None where it does not tell; without it, NVML's of the GPU that this
            process uses, if it has one.
    """

    def __init__(self, joules: Callable[[], float | None] | None = None) -> None:
        self._joules = joules or _counter_of_gpu()
        self.restart()

    def restart(self) -> None:
        """Leave out what has been taken since the last look."""
        self._since = self._read()

    def take(self) -> Spent:
        """What has been taken since the last look."""
        (then, before), (now, after) = self._since, self._read()
        self._since = (now, after)
        return Spent(now - then, None if before is None or after is None else after - before)

    def _read(self) -> tuple[float, float | None]:
        return time.perf_counter(), self._joules() if self._joules else None


def _counter_of_gpu() -> Callable[[], float | None] | None:
    """The counter of all that this process's GPU has drawn since its driver was loaded; GPUs before Volta have none."""
    cuda = gpu_in_use()
    if cuda is None:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        return partial(_joules, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{cuda.get_device_properties().uuid}"))
    except pynvml.NVMLError:
        return None


def _joules(handle: object) -> float | None:
    import pynvml

    try:
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except pynvml.NVMLError:
        return None
