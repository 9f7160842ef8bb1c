"""How fast a card multiplies matrices, found by doing it: what a pack's speed is held against."""

import time

import torch

PROBE = 4096
"""Width of the matrices."""


def matrix_rate(device: torch.device) -> float:
    """Floating-point operations a second of a bfloat16 matrix product on a GPU; 0 on a CPU."""
    if device.type != "cuda":
        return 0.0
    matrix = torch.randn(PROBE, PROBE, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        matrix @ matrix
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    for _ in range(10):
        matrix @ matrix
    torch.cuda.synchronize(device)
    return 10 * 2 * PROBE**3 / (time.perf_counter() - start)
