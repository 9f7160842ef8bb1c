import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.adapters.packed.batch import Part, micro_steps

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
