"""The values that an adapter and its head begin with: the same for every executor and device.

Shape letters: `R` rank, `D` hidden width, `C` = 2 classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reviewtune.encoders.classifier import NUM_CLASSES

HEAD_STD = 0.02
HEAD_WEIGHT, HEAD_BIAS = "classifier.weight", "classifier.bias"


@dataclass(frozen=True)
class LinearShape:
    """A linear layer of the backbone that may carry an adapter.

    Attributes:
        name: Within the backbone.
        inputs, outputs: Its widths.
    """

    name: str
    inputs: int
    outputs: int

    @property
    def down(self) -> str:
        """Name of the adapter's first matrix, (R, inputs)."""
        return f"backbone.{self.name}.lora_A.weight"

    @property
    def up(self) -> str:
        """Name of the adapter's second matrix, (outputs, R)."""
        return f"backbone.{self.name}.lora_B.weight"


def linear_shapes(backbone: nn.Module, names: Sequence[str]) -> list[LinearShape]:
    """The shapes of some linear layers of a backbone, quantised or not."""
    layers = [(name, backbone.get_submodule(name)) for name in names]
    return [LinearShape(name, int(layer.in_features), int(layer.out_features)) for name, layer in layers]  # type: ignore[arg-type]


def tensor_names(layers: Sequence[LinearShape]) -> list[str]:
    """Names of an adapter's tensors and its head's, in the order of a peft model's parameters."""
    return [name for layer in layers for name in (layer.down, layer.up)] + [HEAD_WEIGHT, HEAD_BIAS]


def initial_adapter(layers: Sequence[LinearShape], *, rank: int, width: int, seed: int) -> dict[str, Tensor]:
    """Float32 tensors of an untrained adapter and head, by name, on the CPU.

    As peft does (Hu et al. 2022): the first matrices uniform, of variance 1 / (3 x inputs), the second ones zero, so
    that the adapter changes nothing yet. The head is normal with standard deviation 0.02.

    Args:
        layers: That carry the adapter, in the order of the backbone.
        rank: R.
        width: D.
        seed: Of all random values.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        HEAD_WEIGHT: torch.empty(NUM_CLASSES, width).normal_(std=HEAD_STD, generator=generator),
        HEAD_BIAS: torch.zeros(NUM_CLASSES),
    }
    for layer in layers:
        bound = layer.inputs**-0.5
        tensors[layer.down] = torch.empty(rank, layer.inputs).uniform_(-bound, bound, generator=generator)
        tensors[layer.up] = torch.zeros(layer.outputs, rank)
    return {name: tensors[name] for name in tensor_names(layers)}
