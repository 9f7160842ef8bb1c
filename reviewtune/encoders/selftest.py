"""What this machine can train on, found out by using it."""

import torch
from torch import nn

from reviewtune.encoders.import_bitsandbytes import import_bitsandbytes
from reviewtune.encoders.loading import compute_dtype, default_device
from reviewtune.encoders.quantisation import OUTLIER, Quantisation
from reviewtune.errors import EncoderError

WIDTH, ROWS = 128, 64
TOLERANCE = {"nf4": 0.2, "int8": 0.05}
"""Relative error above which a quantisation is not what it should be."""


def cards() -> list[str]:
    """Name and memory of each GPU that torch can use."""
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [f"{card.name} ({card.total_memory / 1e9:.0f} GB)" for card in found]


def quantisation_error(how: Quantisation) -> tuple[float, str]:
    """Relative error of a quantised layer's products against the plain layer's, and the device they ran on.

    The larger one of the forward product and of the gradient to its input: about a tenth for NF4, a hundredth for int8.
    """
    device = default_device()
    dtype = compute_dtype(device)
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(WIDTH, WIDTH, generator=generator) / WIDTH**0.5
    inputs = torch.randn(ROWS, WIDTH, generator=generator)
    plain = nn.Linear(WIDTH, WIDTH, bias=False)
    plain.load_state_dict({"weight": weight})
    quantised = _layer(how, dtype)
    quantised.load_state_dict({"weight": weight})
    errors = []
    for ours, theirs in zip(
        _products(quantised.to(device), inputs.to(device, dtype)), _products(plain, inputs), strict=True
    ):
        errors.append(float((ours.float().cpu() - theirs).norm() / theirs.norm()))
    return max(errors), str(device)


def check_quantisation(how: Quantisation) -> str:
    """Quantise a small layer and compare; what was found, in a few words.

    Raises:
        EncoderError: bitsandbytes does not work here, or its products are wrong.
    """
    if how == "none":
        return "weights stay as they are stored"
    mend = "upgrade bitsandbytes and torch, or give --quantisation none"
    try:
        error, device = quantisation_error(how)
    except Exception as failure:
        reason = " ".join(f"{failure}".split())[:200] or type(failure).__name__
        raise EncoderError(f"bitsandbytes cannot quantise to {how} here ({reason}): {mend}") from failure
    if not error <= TOLERANCE[how]:
        raise EncoderError(f"{how} products are off by {error:.0%} on {device}, more than {TOLERANCE[how]:.0%}: {mend}")
    return f"bitsandbytes quantises on {device}, products within {error:.0%}"


def _layer(how: Quantisation, dtype: torch.dtype) -> nn.Module:
    import_bitsandbytes()
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    layer: nn.Module
    if how == "nf4":
        nf4 = {"compute_dtype": dtype, "compress_statistics": True, "quant_type": "nf4"}
        layer = Linear4bit(WIDTH, WIDTH, bias=False, **nf4)
    else:
        layer = Linear8bitLt(WIDTH, WIDTH, bias=False, has_fp16_weights=False, threshold=OUTLIER)
    return layer


def _products(layer: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's output and the gradient of its sum of squares by the inputs."""
    inputs = inputs.clone().requires_grad_()
    output = layer(inputs)
    output.square().sum().backward()
    assert inputs.grad is not None
    return output.detach(), inputs.grad
