"""A trial's own random numbers: torch draws from process-wide generators, and several trials share a process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class RandomStream:
    """The state of torch's generators as one trial knows it.

    Args:
        seed: Where it begins.
        device: What the trial computes on; on a GPU its generator is part of the stream.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._devices = [device] if device.type == "cuda" else []
        self._state: dict[str, Tensor] = {}
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Begin anew from `seed`."""
        with torch.random.fork_rng(devices=self._devices):
            torch.manual_seed(seed)
            self._state = self._drawn()

    @contextmanager
    def drawn_from(self) -> Iterator[None]:
        """Inside, all of torch draws from this stream; afterwards from what it drew from before."""
        with torch.random.fork_rng(devices=self._devices):
            self._set()
            yield
            self._state = self._drawn()

    def state(self) -> dict[str, Tensor]:
        """Uint8 tensors by device type, which `load` takes."""
        return dict(self._state)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; a device that it does not know keeps its own."""
        self._state.update(state)

    def _drawn(self) -> dict[str, Tensor]:
        state = {"cpu": torch.get_rng_state()}
        return state | {device.type: torch.cuda.get_rng_state(device) for device in self._devices}

    def _set(self) -> None:
        torch.set_rng_state(self._state["cpu"])
        for device in self._devices:
            torch.cuda.set_rng_state(self._state[device.type], device)
