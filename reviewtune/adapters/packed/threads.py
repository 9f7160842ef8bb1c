"""How many threads a pack on CPUs computes in."""

import torch


class ThreadsByShare:
    """As many as there are CPUs for it: this process's own, and those of neighbours that have nothing to do."""

    def __init__(self) -> None:
        self.own = torch.get_num_threads()

    def __call__(self, share: float) -> None:
        """There are so many times this process's own CPUs."""
        threads = max(1, int(self.own * share))
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
