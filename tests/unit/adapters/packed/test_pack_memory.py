"""A pack on a device whose memory does not hold a pass: it is tried again with a smaller one, to the same end."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reviewtune.adapters.packed.grouped_passes import GroupedPasses
from reviewtune.adapters.packed.lora import PackedDropout
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.errors import StudyError
from tests.unit.adapters.packed.conftest import TEST, make_pack, make_params


class Scarce:
    """Passes on a device that runs out of memory, once a pass's work is done, until the budget is `enough`.

    By then the gradients and the losses of that pass have been added.
    """

    def __init__(self, pack: AdapterPack, enough: int) -> None:
        self.pack, self.enough = pack, enough
        self.passes, self.refused = pack.passes, []

    def train(self, *rows: Any) -> None:
        self.passes.train(*rows)
        self._end()

    def logits(self, *rows: Any) -> torch.Tensor:
        found = self.passes.logits(*rows)
        self._end()
        return found

    def forget(self) -> None:
        self.passes.forget()

    def _end(self) -> None:
        if self.pack.budget > self.enough:
            self.refused.append(self.pack.budget)
            raise torch.OutOfMemoryError


def pack_for_memory(base: Path, *, grouped: bool) -> AdapterPack:
    """Two slots before their first step. By masks with dropout; without, where a second try draws other numbers."""
    pack = make_pack(base)
    if grouped:
        pack.passes = GroupedPasses(pack.model, pack._losses)
    share = 0.1 if grouped else 0.0
    for module in pack.model.backbone.modules():
        if isinstance(module, PackedDropout):
            module.p = share
    for key, batch in (("own", 8), ("stranger", 16)):
        pack.admit(key, make_params(dropout=share, head_dropout=share, batch_size=batch, target="all-linear"))
    return pack


@pytest.mark.parametrize("grouped", [False, True])
def test_a_step_that_is_tried_again_with_less_memory_has_its_gradients_and_losses_once(
    tiny_bert: Path, grouped: bool
) -> None:
    """In its first step, when there are no gradients yet, and in its second, when those of the first are there."""
    calm, short = (pack_for_memory(tiny_bert, grouped=grouped) for _ in range(2))
    for pack in (calm, short):
        for index in (0, 1):
            pack.slot(index).begin_leg()
    scarce = Scarce(short, 2048)
    short.passes = scarce
    for enough, budgets in ((2048, [4096]), (1024, [2048])):
        scarce.enough, scarce.refused = enough, []
        for pack in (calm, short):
            pack.step()
        assert scarce.refused == budgets
        assert short.budget == enough
        assert calm.stack.values.grad is not None
        assert short.stack.values.grad is not None
        assert (calm.stack.values.grad.norm(dim=1)[:2] > 1e-3).all()
        torch.testing.assert_close(short.stack.values.grad, calm.stack.values.grad, rtol=0, atol=1e-6)
        torch.testing.assert_close(short._losses, calm._losses, rtol=1e-6, atol=0)
    torch.testing.assert_close(short.stack.values, calm.stack.values, rtol=0, atol=1e-5)
    assert short.optimizer.steps.flatten().tolist() == [2, 2, 0, 0]
    assert short.slot(0).take_tokens() == calm.slot(0).take_tokens()


def test_scores_that_are_tried_again_with_less_memory_are_those_of_each_review(tiny_bert: Path) -> None:
    pack = pack_for_memory(tiny_bert, grouped=False)
    expected = pack.scores([1, 0], TEST.inputs)
    scarce: Any = Scarce(pack, 1024)
    pack.passes = scarce
    np.testing.assert_allclose(pack.scores([1, 0], TEST.inputs), expected, atol=1e-5)
    assert scarce.refused == [4096, 2048]
    assert pack.budget == 1024


def test_memory_that_does_not_hold_the_smallest_pass_is_told_of_in_one_line(tiny_bert: Path) -> None:
    pack = pack_for_memory(tiny_bert, grouped=False)
    pack.slot(0).begin_leg()
    scarce: Any = Scarce(pack, 0)
    pack.passes = scarce
    with pytest.raises(StudyError, match=r"does not hold passes of 1024 tokens beside 4 slots of rank 8: give fewer"):
        pack.step()
    assert scarce.refused == [4096, 2048, 1024]
