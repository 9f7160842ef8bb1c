import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.adapters.packed.batch import Part, cut, micro_steps

LENGTHS = np.array([5, 9, 30, 100, 1, 64, 12, 7])
row = st.integers(0, len(LENGTHS) - 1)
parts = st.lists(st.lists(st.lists(row, min_size=1, max_size=4), min_size=1, max_size=3), max_size=5)


@given(rows=parts, budget=st.integers(0, 300))
def test_every_part_is_in_one_pass_in_its_slots_order(rows: list[list[list[int]]], budget: int) -> None:
    given = [[Part(slot, np.array(own)) for own in batch] for slot, batch in enumerate(rows)]
    passes = micro_steps(given, LENGTHS, budget)
    for slot, batch in enumerate(given):
        assert [part for run in passes for part in run if part.slot == slot] == batch
    for run in passes:
        slots = [part.slot for part in run]
        assert slots == sorted(set(slots))
        assert len(run) == 1 or sum(LENGTHS[part.rows].sum() for part in run) <= budget


def test_the_passes_of_a_step_are_of_like_size() -> None:
    given = [[Part(slot, np.array([5]))] for slot in range(9)]
    passes = micro_steps(given, LENGTHS, 64 * 8)
    assert [len(run) for run in passes] == [5, 4]


@given(batch=st.lists(row, min_size=1, max_size=20), budget=st.integers(1, 120))
def test_a_batch_is_cut_into_parts_that_know_what_comes_before_them(batch: list[int], budget: int) -> None:
    cuts = cut(3, np.array(batch), LENGTHS, budget)
    assert sorted(np.concatenate([part.rows for part in cuts])) == sorted(batch)
    tokens, rows = 0, 0
    for part in cuts:
        own = int(LENGTHS[part.rows].sum())
        assert own <= budget or len(part.rows) == 1
        assert (part.slot, part.tokens_before, part.rows_before) == (3, tokens, rows)
        assert part.weight == 1 / len(batch)
        tokens, rows = tokens + own, rows + len(part.rows)
