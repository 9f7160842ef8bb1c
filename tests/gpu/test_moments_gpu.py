"""Moments of 8 bits on a GPU: the codes of a CPU, and a step that waits for nothing."""

from collections.abc import Iterator

import pytest
import torch

from reviewtune.adapters.codes import decode, dynamic_map, encode
from reviewtune.adapters.optimizer import ADAMW, ADAMW_8BIT
from reviewtune.adapters.packed.adamw import Rates, StackedAdamW

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]

SLOTS, LENGTH = 3, 5_000


@pytest.fixture
def waiting_is_an_error() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("signed", [False, True])
def test_a_value_that_was_decoded_stays_the_same(signed: bool) -> None:
    values = torch.randn(LENGTH, generator=torch.Generator().manual_seed(0)) ** 5
    values[::7] = 0
    values = values if signed else values.abs()
    code = dynamic_map(signed=signed)
    decoded = decode(*encode(values.cuda(), code.cuda()), code.cuda())
    assert torch.equal(decode(*encode(decoded, code.cuda()), code.cuda()), decoded)
    torch.testing.assert_close(decoded.cpu(), decode(*encode(values, code), code))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_waits_for_nothing_and_is_that_of_a_cpu(compiled: bool, waiting_is_an_error: None) -> None:
    moved = {}
    for device, kind in (("cpu", ADAMW), ("cpu", ADAMW_8BIT), ("cuda", ADAMW_8BIT)):
        values = torch.zeros(SLOTS, LENGTH, device=device)
        optimizer = StackedAdamW(values, kind=kind, compiled=compiled and device == "cuda")
        columns = [torch.full((SLOTS, 1), entry, device=device) for entry in (1.0, 1e-3, 0.1, 1.0)]
        generator = torch.Generator().manual_seed(1)
        gradients = torch.randn(20, SLOTS, LENGTH, generator=generator).to(device)
        for step, gradient in enumerate(gradients):
            if step == 2 and device == "cuda":
                torch.cuda.set_sync_debug_mode("error")
            optimizer.step(gradient, Rates(*columns), [0, 2, 1])
        torch.cuda.set_sync_debug_mode("default")
        moved[device, kind] = values.cpu()
    off = [
        (moved["cuda", ADAMW_8BIT] - moved["cpu", kind]).norm() / moved["cpu", ADAMW].norm()
        for kind in (ADAMW_8BIT, ADAMW)
    ]
    assert off[0] < 0.01
    assert off[1] < 0.05
