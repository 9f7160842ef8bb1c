"""Compilation of an encoder's layers: one piece of code, since all layers are alike, for passes of any length."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def compile_layers(backbone: nn.Module, *, backend: str = "inductor") -> None:
    """Compile the encoder's layers in place; the first call of each kind takes tens of seconds.

    Args:
        backbone: With its layers in an `nn.ModuleList`.
        backend: Of `torch.compile`.
    """
    stacks = [module for module in backbone.modules() if isinstance(module, nn.ModuleList)]
    layers = max(stacks, key=len, default=nn.ModuleList())
    # What transformers wraps around a layer is a function of its own, which would hide that all layers are alike.
    kinds = {type(layer): torch.compile(inspect.unwrap(type(layer).forward), backend=backend) for layer in layers}
    for layer in layers:
        layer.forward = _marked(kinds[type(layer)], layer)


def _marked(compiled: Callable[..., Any], layer: nn.Module) -> Callable[..., Any]:
    """The layer's forward pass by compiled code, told which sizes change from pass to pass."""

    def forward(hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        if torch.is_grad_enabled() and not hidden.requires_grad:
            # So that the first layer is like the others.
            hidden = hidden.detach().requires_grad_()
        tokens = hidden.shape[1]
        for value in _tensors([hidden, *args, *kwargs.values()]):
            if value.ndim > 1 and value.shape[1] == tokens:
                torch._dynamo.maybe_mark_dynamic(value, 1)  # noqa: SLF001  as torch's own guide has it
        return compiled(layer, hidden, *args, **kwargs)

    return forward


def _tensors(values: list[Any]) -> list[Tensor]:
    """Those in a list and in the tuples in it, such as rotary angles."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += _tensors(list(value))
    return found
