import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.adapters.schedule import epoch_batches


@given(count=st.integers(1, 300), batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(1, 9))
def test_every_row_is_in_one_batch(count: int, batch_size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(count, batch_size=batch_size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches)) == list(range(count))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)


@given(count=st.integers(1, 300), batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(1, 9))
def test_the_seed_and_the_epoch_fix_the_order(count: int, batch_size: int, seed: int, epoch: int) -> None:
    once, again = (epoch_batches(count, batch_size=batch_size, seed=seed, epoch=epoch) for _ in range(2))
    assert [batch.tolist() for batch in once] == [batch.tolist() for batch in again]


def test_another_epoch_or_seed_has_another_order() -> None:
    orders = {
        tuple(np.concatenate(epoch_batches(199, batch_size=8, seed=seed, epoch=epoch)))
        for seed in range(3)
        for epoch in range(1, 4)
    }
    assert len(orders) == 9
