import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch.nn import Parameter
from torch.optim import AdamW, Optimizer

from reviewtune.adapters.optimizer import load_optimizer, make_lr_schedule, make_optimizer, save_optimizer

SHAPES = ((128, 64), (7,))
"""The first is large enough for 8-bit states, the second is not."""


def paged_8bit(parameters: list[Parameter]) -> Optimizer:
    return make_optimizer(parameters, name="paged_adamw_8bit", learning_rate=1e-2, weight_decay=0.1)


def plain_8bit(parameters: list[Parameter]) -> Optimizer:
    return make_optimizer(parameters, name="adamw_8bit", learning_rate=1e-2, weight_decay=0.1)


def adamw(parameters: list[Parameter]) -> Optimizer:
    return make_optimizer(parameters, learning_rate=1e-2, weight_decay=0.1)


def parameters(seed: int = 0) -> list[Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def step(optimizer: Optimizer, moments: range) -> None:
    for moment in moments:
        generator = torch.Generator().manual_seed(moment)
        for parameter in optimizer.param_groups[0]["params"]:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()


@pytest.mark.filterwarnings("ignore:Paged optimizers")
@pytest.mark.parametrize("make", [adamw, plain_8bit, paged_8bit])
def test_a_restored_optimizer_goes_on_exactly(make: Callable[[list[Parameter]], Optimizer], tmp_path: Path) -> None:
    path = tmp_path / "optimizer.safetensors"
    trained = parameters()
    optimizer = make(trained)
    step(optimizer, range(3))
    save_optimizer(optimizer, path)
    copies = [Parameter(parameter.detach().clone()) for parameter in trained]
    restored = make(copies)
    load_optimizer(restored, path)
    for parameter, copy in zip(trained, copies, strict=True):
        for name, value in optimizer.state[parameter].items():
            again = restored.state[copy][name]
            assert type(again) is type(value)
            if isinstance(value, torch.Tensor):
                assert (again.dtype, again.shape) == (value.dtype, value.shape)
    step(optimizer, range(3, 6))
    step(restored, range(3, 6))
    for parameter, copy in zip(trained, copies, strict=True):
        assert torch.equal(parameter, copy)


@pytest.mark.filterwarnings("ignore:Paged optimizers")
def test_8bit_states_are_stored_in_eight_bits(tmp_path: Path) -> None:
    optimizer = paged_8bit(parameters())
    step(optimizer, range(1))
    save_optimizer(optimizer, tmp_path / "optimizer.safetensors")
    with safe_open(tmp_path / "optimizer.safetensors", framework="pt") as file:
        assert file.get_tensor("0.state1").dtype == torch.uint8
        assert {"0.qmap1", "0.absmax2", "1.state2", "1.step"} <= set(file.keys())


def test_an_optimizer_that_has_not_stepped_has_no_state(tmp_path: Path) -> None:
    save_optimizer(adamw(parameters()), tmp_path / "optimizer.safetensors")
    restored = adamw(parameters())
    load_optimizer(restored, tmp_path / "optimizer.safetensors")
    assert not restored.state


@pytest.mark.filterwarnings("ignore:Paged optimizers")
def test_a_state_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "optimizer.safetensors"
    for of, other in ((adamw, paged_8bit), (paged_8bit, adamw), (plain_8bit, adamw)):
        optimizer = of(parameters())
        step(optimizer, range(1))
        save_optimizer(optimizer, path)
        with pytest.raises(ValueError, match="another optimizer"):
            load_optimizer(other(parameters()), path)
    with pytest.raises(ValueError, match="another optimizer"):
        load_optimizer(paged_8bit(parameters()[:1]), path)


def test_moments_of_a_pack_go_on_in_8_bits_under_bitsandbytes(tmp_path: Path) -> None:
    """A pack writes them as torch's AdamW does. The small parameter's are whole, so it moves as if nothing happened."""
    path, trained = tmp_path / "optimizer.safetensors", parameters()
    optimizer = adamw(trained)
    step(optimizer, range(20))
    save_optimizer(optimizer, path)
    copies = [Parameter(parameter.detach().clone()) for parameter in trained]
    restored = plain_8bit(copies)
    load_optimizer(restored, path)
    assert {restored.state[copies[0]][name].dtype for name in ("state1", "state2")} == {torch.uint8}
    before = trained[0].detach().clone()
    step(optimizer, range(20, 21))
    step(restored, range(20, 21))
    assert (copies[0] - trained[0]).norm() < 0.02 * (trained[0] - before).norm()
    torch.testing.assert_close(copies[1], trained[1], rtol=0, atol=1e-6)


def test_torchs_adamw_is_the_default() -> None:
    optimizer = make_optimizer(parameters(), learning_rate=3e-4, weight_decay=0.25)
    assert type(optimizer) is AdamW
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (3e-4, 0.25)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cosine", lambda step: 0.5 * (1 + math.cos(math.pi * (step - 4) / 16))),
        ("linear", lambda step: (20 - step) / 16),
        ("constant_with_warmup", lambda step: 1.0),
    ],
)
def test_the_learning_rate_rises_in_the_warmup_and_then_follows_its_course(
    name: str, expected: Callable[[int], float]
) -> None:
    optimizer = adamw(parameters())
    schedule = make_lr_schedule(optimizer, name=name, warmup_ratio=0.2, steps=20)
    rates = []
    for moment in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        step(optimizer, range(moment, moment + 1))
        schedule.step()
    shares = [step / 4 if step < 4 else expected(step) for step in range(20)]
    assert rates == pytest.approx([1e-2 * share for share in shares])
