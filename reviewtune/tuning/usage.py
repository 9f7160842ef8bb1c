"""The device that a worker computes on, and the memory that it has taken there."""

import resource
import sys
from typing import Any


def gpu_in_use() -> Any:
    """`torch.cuda` where this process has used a GPU, otherwise None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None


def forget_peak_memory() -> None:
    """A worker runs trial after trial: the memory of the ones before is not this one's."""
    if cuda := gpu_in_use():
        cuda.reset_peak_memory_stats()


def usage() -> dict[str, Any]:
    """Device and peak memory: of the GPU where this process has used one, otherwise its largest resident memory."""
    cuda = gpu_in_use()
    if cuda and cuda.max_memory_allocated():
        return {"device": cuda.get_device_name(), "peak_memory_bytes": cuda.max_memory_allocated()}
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"device": "cpu", "peak_memory_bytes": kilobytes * (1 if sys.platform == "darwin" else 1024)}
