import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reviewtune.data.tokens import from_lists
from reviewtune.encoders.batches import CPU_TOKENS, GPU_TOKENS, pad, token_batches, token_budget

CPU = torch.device("cpu")
lengths = hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 700))


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_every_row_is_in_one_batch_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(np.concatenate([*batches, np.zeros(0, int)])) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * lengths[batch].max() <= budget or len(batch) == 1


@given(lengths=lengths, budget=st.integers(1, 5000))
def test_the_longest_come_first_and_equals_in_their_order(lengths: np.ndarray, budget: int) -> None:
    order = [int(row) for batch in token_batches(lengths, budget) for row in batch]
    assert order == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))


def test_a_device_has_its_own_budget() -> None:
    assert (token_budget(CPU), token_budget(torch.device("cuda", 0))) == (CPU_TOKENS, GPU_TOKENS)


def test_rows_are_padded_to_their_longest() -> None:
    tokens = from_lists([[5, 6, 7], [8], [9, 9, 9, 9, 9], [4, 5]])
    input_ids, mask = pad(tokens, np.array([3, 0]), 1, CPU)
    assert input_ids.tolist() == [[4, 5, 1], [5, 6, 7]]
    assert mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert (input_ids.dtype, mask.dtype) == (torch.int64, torch.int64)


def test_a_review_without_tokens_keeps_one() -> None:
    input_ids, mask = pad(from_lists([[], [5, 6]]), np.array([0, 1]), 0, CPU)
    assert input_ids.tolist() == [[0, 0], [5, 6]]
    assert mask.tolist() == [[1, 0], [1, 1]]
    assert pad(from_lists([[]]), np.array([0]), 0, CPU)[0].tolist() == [[0]]
