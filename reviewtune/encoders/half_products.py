"""Frozen linear layers whose products a CPU computes in bfloat16, about twice as fast as in float32 where it can.

All else stays in float32: what a layer is given is rounded for its product alone, which is summed in float32, and so is
what comes back to its input in training. Shape letters: `N` rows.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

CAPABILITIES = ("avx512_bf16", "amx_bf16")
"""Of a CPU, any of which multiplies bfloat16 by itself: others convert it to float32 first, and lose."""


class HalfLinear(nn.Linear):
    """A frozen linear layer on a CPU, whose weights are rounded to bfloat16.

    Args:
        base: The layer.

    Examples:
        >>> layer = nn.Linear(2, 1)
        >>> _ = layer.weight.data.fill_(0.5), layer.bias.data.fill_(1.0)
        >>> half = HalfLinear(layer)
        >>> half(torch.tensor([[1.0, 3.0]])).tolist(), half.weight.dtype
        ([[3.0]], torch.bfloat16)
    """

    def __init__(self, base: nn.Linear) -> None:
        super().__init__(base.in_features, base.out_features, bias=False, device="meta")
        self.weight = nn.Parameter(base.weight.detach().to(torch.bfloat16), requires_grad=False)
        self.bias = base.bias

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """(N, outputs) float32 of (N, inputs)."""
        product = linear(input.to(torch.bfloat16), self.weight).float()
        return product if self.bias is None else product + self.bias


def has_half_products(device: torch.device) -> bool:
    """Whether a device is a CPU that multiplies bfloat16 faster than float32; False where torch cannot tell."""
    told: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and any(told.get(name) for name in CAPABILITIES)


def halve(backbone: nn.Module) -> nn.Module:
    """The backbone with its plain linear layers as `HalfLinear`, where it is on a CPU that gains by it.

    Args:
        backbone: Frozen, of a device's own; its modules are changed, its weights are not.
    """
    if not has_half_products(next(backbone.parameters()).device):
        return backbone
    for name, module in list(backbone.named_modules()):
        if type(module) is nn.Linear:
            parent, _, child = name.rpartition(".")
            setattr(backbone.get_submodule(parent), child, HalfLinear(module))
    return backbone
