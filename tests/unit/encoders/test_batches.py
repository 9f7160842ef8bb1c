from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reviewtune.encoders.batches import CPU_TOKENS, GPU_TOKENS, token_batches, token_budget

CPU = torch.device("cpu")
lengths = hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 700))


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_every_row_is_in_one_batch_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(np.concatenate([*batches, np.zeros(0, int)])) == list(range(len(lengths)))
    for batch in batches:
        assert lengths[batch].sum() <= budget or len(batch) == 1


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_the_longest_come_first_and_equals_in_their_order(lengths: np.ndarray, budget: int) -> None:
    order = [int(row) for batch in token_batches(lengths, budget) for row in batch]
    assert order == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_a_batch_takes_all_that_fits(lengths: np.ndarray, budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    for batch, following in pairwise(batches):
        assert lengths[batch].sum() + lengths[following[0]] > budget


def test_a_device_has_its_own_budget() -> None:
    assert (token_budget(CPU), token_budget(torch.device("cuda", 0))) == (CPU_TOKENS, GPU_TOKENS)
