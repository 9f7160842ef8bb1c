import pytest
import torch
from torch import Tensor

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
        optimizer.step(gradient, Rates(column(active), column(rates), column(decays), column(norms)))
        for index, parameter in enumerate(parameters):
            if active[index]:
                parameter.grad = gradient[index].clone()
                torch.nn.utils.clip_grad_norm_([parameter], norms[index])
                own[index].step()
    torch.testing.assert_close(
        stacked, torch.stack([parameter.detach() for parameter in parameters]), rtol=0, atol=1e-6
    )
    assert optimizer.steps.flatten().tolist() == [20, 20, 10]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_refused_and_counted(value: float) -> None:
    stacked = torch.ones(2, LENGTH)
    optimizer = StackedAdamW(stacked, compiled=False)
    rates = Rates(*(column([entry, entry]) for entry in (1.0, 0.1, 0.1, 1.0)))
    gradient = torch.ones(2, LENGTH)
    gradient[0, 5] = value
    optimizer.step(gradient, rates)
    assert torch.equal(stacked[0], torch.ones(LENGTH))
    assert not optimizer.mean[0].any()
    assert optimizer.refused.flatten().tolist() == [1, 0]
    assert torch.isfinite(stacked).all()
    assert (stacked[1] < 1).all()
    optimizer.clear(0)
    assert optimizer.refused.flatten().tolist() == [0, 0]
