"""Products in bfloat16 on CPUs that have them: close to those in float32, whatever lies beside a review."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from reviewtune.encoders import half_products
from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.half_products import HalfLinear, halve, has_half_products
from reviewtune.encoders.registry import resolve_encoder

CPU = torch.device("cpu")
TEXTS = ["great tent", "a " * 50, "", "the rusty hinge broke twice and my neighbour was very sadly", "great tent"]


@pytest.fixture
def gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a CPU that gains by it; any computes it."""
    monkeypatch.setattr(half_products, "has_half_products", lambda device: device.type == "cpu")


def test_it_computes_what_the_layer_computes_and_keeps_float32_around_it() -> None:
    generator = torch.Generator().manual_seed(0)
    base = nn.Linear(64, 32)
    base.weight.data.normal_(generator=generator)
    base.requires_grad_(False)
    inputs = torch.randn(7, 64, generator=generator, requires_grad=True)
    gradients = []
    for layer in (base, HalfLinear(base)):
        output = layer(inputs)
        assert output.dtype == torch.float32
        gradients.append((output, torch.autograd.grad(output.square().sum(), inputs)[0]))
    (exact, slope), (rounded, other) = gradients
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.1)
    torch.testing.assert_close(other, slope, rtol=0.02, atol=2.0)
    assert not torch.equal(rounded, exact)
    assert not HalfLinear(base).weight.requires_grad
    assert HalfLinear(nn.Linear(3, 2, bias=False)).bias is None


@pytest.mark.usefixtures("gains")
def test_an_embedding_is_close_and_its_own_whatever_it_is_encoded_with(tiny_bert: Path) -> None:
    encoder = resolve_encoder(str(tiny_bert))
    exact, rounded = TextEncoder(encoder, CPU, in_half=False), TextEncoder(encoder, CPU)
    layers = [module for module in rounded.backbone.modules() if isinstance(module, nn.Linear)]
    assert layers
    assert all(isinstance(module, HalfLinear) for module in layers)
    vectors, expected = rounded.embed(TEXTS), exact.embed(TEXTS)
    cosines = (vectors * expected).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(expected, axis=1)
    assert 0.999 < cosines.min() < 1
    alone = np.concatenate([rounded.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, vectors, rtol=0, atol=1e-5)


def test_other_devices_keep_their_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, object] = {"avx512_bf16": False, "avx2": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    assert not has_half_products(CPU)
    backbone = nn.Sequential(nn.Linear(2, 2))
    assert type(halve(backbone)[0]) is nn.Linear
    told["amx_bf16"] = True
    assert has_half_products(CPU)
    assert not has_half_products(torch.device("cuda"))
    assert type(halve(backbone)[0]) is HalfLinear
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not has_half_products(CPU), "an older torch cannot tell"
