"""What is put in the place of a backbone's own layers, and which random numbers each of them has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reviewtune.adapters.initial import linear_shapes
from reviewtune.adapters.packed.lora import AtHand, PackedDropout, PackedLinear, install
from reviewtune.encoders.attention import hidden_states
from reviewtune.encoders.classifier import linear_layers
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import pack_rows
from reviewtune.encoders.registry import resolve_encoder
from tests.unit.adapters.packed.conftest import TEST

ARCHITECTURES = pytest.mark.parametrize("model_type", ["bert", "gte", "t5", "modernbert", "deberta-v2"])


class Noting:
    """Rows that note what they are asked to drop, and drop nothing."""

    def __init__(self) -> None:
        self.dropouts: list[tuple[float, int]] = []

    def adapted(self, output: torch.Tensor, *_: Any) -> torch.Tensor:
        return output

    def dropped(self, states: torch.Tensor, probability: float, place: torch.Tensor) -> torch.Tensor:
        self.dropouts.append((probability, int(place)))
        return states


def installed(base: Path) -> tuple[nn.Module, AtHand, list[PackedLinear]]:
    backbone = load_backbone(resolve_encoder(str(base)))
    at_hand = AtHand()
    return backbone, at_hand, install(backbone, linear_shapes(backbone, linear_layers(backbone, "all-linear")), at_hand)


@ARCHITECTURES
def test_the_base_models_dropouts_run_where_and_as_likely_as_without_a_pack(
    tiny_base: Callable[[str], Path], model_type: str
) -> None:
    base = tiny_base(model_type)
    packed = pack_rows(TEST.inputs, np.arange(3), torch.device("cpu"))
    plain, expected = load_backbone(resolve_encoder(str(base))).train(), []
    for module in plain.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_pre_hook(lambda own, _: expected.append(own.p))
    hidden_states(plain, packed)
    backbone, at_hand, _ = installed(base)
    noting: Any = Noting()
    at_hand.rows = noting
    hidden_states(backbone, packed)
    assert [probability for probability, _ in noting.dropouts] == expected
    assert model_type == "modernbert" or 0.1 in expected


@ARCHITECTURES
def test_no_two_modules_draw_the_same_numbers_but_layers_of_one_input(
    tiny_base: Callable[[str], Path], model_type: str
) -> None:
    backbone, _, layers = installed(tiny_base(model_type))
    dropouts = [int(module.place) for module in backbone.modules() if isinstance(module, PackedDropout)]
    by_input = {layer.siblings[0]: int(layer.place) for layer in layers}
    places = [*dropouts, *by_input.values()]
    assert len(set(places)) == len(places)
    for layer in layers:
        assert layer.index in layer.siblings
        assert {int(layers[index].place) for index in layer.siblings} == {int(layer.place)}
        assert all(layers[index].siblings == layer.siblings for index in layer.siblings)


def test_query_key_and_value_read_one_input_and_no_other_layer_does(tiny_bert: Path) -> None:
    _, _, layers = installed(tiny_bert)
    names = linear_layers(load_backbone(resolve_encoder(str(tiny_bert))), "all-linear")
    shared = [[names[index].rsplit(".", 1)[1] for index in layer.siblings] for layer in layers]
    ends = [name.rsplit(".", 1)[1] for name in names]
    assert [own for own, end in zip(shared, ends, strict=True) if end in ("query", "key", "value")] == [
        ["query", "key", "value"]
    ] * 6
    assert all(own == [end] for own, end in zip(shared, ends, strict=True) if end == "dense")
