import pytest
import torch
from torch import Tensor

from reviewtune.adapters.optimizer import ADAMW, ADAMW_8BIT
from reviewtune.adapters.packed.adamw import Rates, StackedAdamW

LENGTH = 33


def column(values: list[float]) -> Tensor:
    return torch.tensor(values)[:, None]


def test_each_slot_moves_as_torchs_own_adamw_by_its_own_rates() -> None:
    """Three slots of other learning rates, decays and norms; the last rests in every other step."""
    torch.manual_seed(0)
    start = torch.randn(3, LENGTH)
    rates, decays, norms = [1e-3, 1e-2, 3e-4], [0.0, 0.1, 0.5], [1.0, 1e9, 0.01]
    stacked = start.clone()
    optimizer = StackedAdamW(stacked, compiled=False)
    parameters = [torch.nn.Parameter(row.clone()) for row in start]
    own = [
        torch.optim.AdamW([parameter], lr=rate, weight_decay=decay)
        for parameter, rate, decay in zip(parameters, rates, decays, strict=True)
    ]
    for step in range(20):
        gradient = 3 * torch.randn(3, LENGTH)
        active = [1.0, 1.0, float(step % 2)]
        slots = [index for index in range(3) if active[index]]
        optimizer.step(gradient, Rates(column(active), column(rates), column(decays), column(norms)), slots)
        for index, parameter in enumerate(parameters):
            if active[index]:
                parameter.grad = gradient[index].clone()
                torch.nn.utils.clip_grad_norm_([parameter], norms[index])
                own[index].step()
    torch.testing.assert_close(
        stacked, torch.stack([parameter.detach() for parameter in parameters]), rtol=0, atol=1e-6
    )
    assert optimizer.steps.flatten().tolist() == [20, 20, 10]


def gradients(step: int, length: int, slots: int = 3) -> Tensor:
    """Noisy, of sizes and directions that each value keeps."""
    own, noise = torch.Generator().manual_seed(0), torch.Generator().manual_seed(step)
    sizes = 1e-3 * torch.exp(0.5 * torch.randn(slots, length, generator=own))
    return sizes * (torch.randn(slots, length, generator=own) + torch.randn(slots, length, generator=noise))


def even_rates(slots: int = 3) -> Rates:
    return Rates(*(column([entry] * slots) for entry in (1.0, 1e-3, 0.1, 1.0)))


def test_moments_of_8_bits_move_a_slot_nearly_as_whole_ones_do() -> None:
    """Within the few percent that bitsandbytes' own AdamW8bit is off by."""
    whole, coded = torch.zeros(3, 1000), torch.zeros(3, 1000)
    own, other = (
        StackedAdamW(values, kind=kind, compiled=False) for values, kind in ((whole, ADAMW), (coded, ADAMW_8BIT))
    )
    for step in range(40):
        for optimizer in (own, other):
            optimizer.step(gradients(step, 1000), even_rates(), [0, 1, 2])
    off = (coded - whole).norm(dim=1) / whole.norm(dim=1)
    assert ((off > 0) & (off < 0.03)).all()
    assert torch.equal(own.steps, other.steps)


def test_neighbours_change_nothing_in_moments_of_8_bits() -> None:
    """The middle one of three slots, beside others that step, rest or give no number, and by itself."""
    stacked, single = torch.zeros(3, 1000), torch.zeros(1, 1000)
    full = StackedAdamW(stacked, kind=ADAMW_8BIT, compiled=False)
    alone = StackedAdamW(single, kind=ADAMW_8BIT, compiled=False)
    for step in range(12):
        gradient = gradients(step, 1000)
        alone.step(gradient[1:2], even_rates(1), [0])
        gradient[0, 3] = float("nan")
        full.step(gradient, even_rates(), [0, 1, 2][: 2 + step % 2])
    assert torch.equal(stacked[1], single[0])
    assert all(map(torch.equal, full.moments.read(1), alone.moments.read(0)))
    assert full.refused.flatten().tolist() == [12, 0, 0]


@pytest.mark.parametrize("kind", [ADAMW, ADAMW_8BIT])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_refused_and_counted(value: float, kind: str) -> None:
    stacked = torch.ones(2, LENGTH)
    optimizer = StackedAdamW(stacked, kind=kind, compiled=False)
    optimizer.step(gradients(0, LENGTH, 2), even_rates(2), [0, 1])
    values, moments = stacked.clone(), [moment.clone() for moment in optimizer.moments.read(0)]
    gradient = gradients(1, LENGTH, 2)
    gradient[0, 5] = value
    optimizer.step(gradient, even_rates(2), [0, 1])
    assert torch.equal(stacked[0], values[0])
    assert all(map(torch.equal, optimizer.moments.read(0), moments))
    assert optimizer.refused.flatten().tolist() == [1, 0]
    assert optimizer.steps.flatten().tolist() == [1, 2]
    assert torch.isfinite(stacked).all()
    assert (stacked[1] != values[1]).all()
    optimizer.clear(0)
    assert optimizer.refused.flatten().tolist() == [0, 0]
    assert not any(moment.any() for moment in optimizer.moments.read(0))
