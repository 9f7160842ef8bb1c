import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.tokens import from_lists
from reviewtune.encoders.packing import PackedRows, pack_rows, pad_rows, select_rows

CPU = torch.device("cpu")


def test_reviews_lie_one_after_the_other() -> None:
    packed = pack_rows(from_lists([[5, 6, 7], [8], [9, 9], [4, 3]]), np.array([3, 0, 1]), CPU)
    assert packed.input_ids.tolist() == [4, 3, 5, 6, 7, 8]
    assert packed.positions.tolist() == [0, 1, 0, 1, 2, 0]
    assert packed.row.tolist() == [0, 0, 1, 1, 1, 2]
    assert packed.boundaries.tolist() == [0, 2, 5, 6]
    assert (packed.lengths.tolist(), packed.longest, len(packed)) == ([2, 3, 1], 3, 3)


def test_dtypes_are_those_that_embeddings_and_attention_kernels_take() -> None:
    packed = pack_rows(from_lists([[5, 6, 7]]), np.array([0]), CPU)
    assert {packed.input_ids.dtype, packed.positions.dtype, packed.row.dtype} == {torch.int64}
    assert packed.boundaries.dtype == torch.int32


@given(lists=st.lists(st.lists(st.integers(0, 9), max_size=7), max_size=9), data=st.data())
def test_every_review_is_found_between_its_boundaries(lists: list[list[int]], data: st.DataObject) -> None:
    rows = np.array(data.draw(st.permutations(range(len(lists)))), dtype=np.int64)
    packed = pack_rows(from_lists(lists), rows, CPU)
    ends = packed.boundaries.tolist()
    for place, row in enumerate(rows):
        inside = slice(ends[place], ends[place + 1])
        assert packed.input_ids[inside].tolist() == lists[row]
        assert packed.positions[inside].tolist() == list(range(len(lists[row])))
        assert set(packed.row[inside].tolist()) <= {place}
    assert ends[-1] == len(packed.input_ids) == sum(map(len, lists))
    assert packed.longest == max(map(len, lists), default=0)


def test_some_rows_of_a_batch_are_as_if_packed_alone() -> None:
    tokens = from_lists([[5, 6, 7], [8], [], [9, 9], [4, 3]])
    selected = select_rows(pack_rows(tokens, np.array([4, 2, 0, 1]), CPU), np.array([2, 1, 0]))
    alone = pack_rows(tokens, np.array([0, 2, 4]), CPU)
    for field in PackedRows.__dataclass_fields__:
        assert getattr(selected, field).tolist() == getattr(alone, field).tolist()
        assert getattr(selected, field).dtype == getattr(alone, field).dtype


def test_rows_are_padded_to_their_longest() -> None:
    packed = pack_rows(from_lists([[5, 6, 7], [8], [9, 9, 9, 9, 9], [4, 5]]), np.array([3, 0]), CPU)
    input_ids, mask = pad_rows(packed, 1)
    assert input_ids.tolist() == [[4, 5, 1], [5, 6, 7]]
    assert mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert (input_ids.dtype, mask.dtype) == (torch.int64, torch.int64)


def test_a_padded_review_without_tokens_keeps_one() -> None:
    input_ids, mask = pad_rows(pack_rows(from_lists([[], [5, 6]]), np.array([0, 1]), CPU), 7)
    assert input_ids.tolist() == [[7, 7], [5, 6]]
    assert mask.tolist() == [[1, 0], [1, 1]]
    assert pad_rows(pack_rows(from_lists([[]]), np.array([0]), CPU), 7)[0].tolist() == [[7]]
