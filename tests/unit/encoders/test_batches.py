from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reviewtune.encoders import batches
from reviewtune.encoders.batches import CPU_TOKENS, GPU_TOKENS, gpu_tokens, token_batches, token_budget

CPU = torch.device("cpu")
lengths = hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 700))


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_every_row_is_in_one_batch_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    found = list(token_batches(lengths, budget))
    assert sorted(np.concatenate([*found, np.zeros(0, int)])) == list(range(len(lengths)))
    for batch in found:
        assert lengths[batch].sum() <= budget or len(batch) == 1


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_the_longest_come_first_and_equals_in_their_order(lengths: np.ndarray, budget: int) -> None:
    order = [int(row) for batch in token_batches(lengths, budget) for row in batch]
    assert order == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_a_batch_takes_all_that_fits(lengths: np.ndarray, budget: int) -> None:
    for batch, following in pairwise(token_batches(lengths, budget)):
        assert lengths[batch].sum() + lengths[following[0]] > budget


def test_a_device_has_its_own_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "process_memory", lambda device: 10**11)
    assert (token_budget(CPU), token_budget(torch.device("cuda", 0))) == (CPU_TOKENS, GPU_TOKENS)


@pytest.mark.parametrize(
    ("gigabytes", "tokens"), [(0, 512), (2, 512), (6, 1200), (16, 3200), (24, 4800), (80, 16_000), (141, GPU_TOKENS)]
)
def test_a_small_gpu_takes_fewer_tokens(gigabytes: int, tokens: int) -> None:
    assert gpu_tokens(gigabytes * 10**9) == tokens
