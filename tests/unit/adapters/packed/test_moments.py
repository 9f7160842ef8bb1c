import pytest
import torch
from torch import Tensor

from reviewtune.adapters.packed.moments import CodedMoments

LENGTH = 600


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_slot_is_unpacked_changed_and_packed_alone(wanted: int) -> None:
    moments = CodedMoments(torch.zeros(2, LENGTH))
    asked: list[slice] = []

    def change(part: slice, mean: Tensor, square: Tensor) -> None:
        asked.append(part)
        mean -= 2
        square += 3

    moments.update([wanted], change)
    assert asked == [slice(wanted, wanted + 1)]
    mean, square = moments.read(wanted)
    assert (set(mean.tolist()), set(square.tolist())) == ({-2.0}, {3.0})
    assert not any(moment.any() for moment in moments.read(1 - wanted))
