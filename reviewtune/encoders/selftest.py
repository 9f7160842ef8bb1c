"""What this machine can train on, found out by using it."""

import torch
from torch import nn

from reviewtune.encoders.loading import compute_dtype, default_device

WIDTH, ROWS = 128, 64


def cards() -> list[str]:
    """Name and memory of each GPU that torch can use."""
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [f"{card.name} ({card.total_memory / 1e9:.0f} GB)" for card in found]


def nf4_error() -> tuple[float, str]:
    """Relative error of an NF4 layer's products against the plain layer's, and the device they ran on.

    The larger one of the forward product and of the gradient to its input; about a tenth where all is well.
    """
    from bitsandbytes.nn import Linear4bit

    device = default_device()
    dtype = compute_dtype(device)
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(WIDTH, WIDTH, generator=generator) / WIDTH**0.5
    inputs = torch.randn(ROWS, WIDTH, generator=generator)
    quantised = Linear4bit(WIDTH, WIDTH, bias=False, compute_dtype=dtype, compress_statistics=True, quant_type="nf4")
    quantised.load_state_dict({"weight": weight})
    plain = nn.Linear(WIDTH, WIDTH, bias=False)
    plain.load_state_dict({"weight": weight})
    errors = []
    for ours, theirs in zip(
        _products(quantised.to(device), inputs.to(device, dtype)), _products(plain, inputs), strict=True
    ):
        errors.append(float((ours.float().cpu() - theirs).norm() / theirs.norm()))
    return max(errors), str(device)


def _products(layer: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's output and the gradient of its sum of squares by the inputs."""
    inputs = inputs.clone().requires_grad_()
    output = layer(inputs)
    output.square().sum().backward()
    assert inputs.grad is not None
    return output.detach(), inputs.grad
