import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reviewtune.adapters.schedule import BUCKET_BATCHES, epoch_batches

lengths = hnp.arrays(np.int64, st.integers(1, 300), elements=st.integers(1, 512))


@given(lengths=lengths, batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(1, 9))
def test_every_row_is_in_one_batch(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    short = [len(batch) for batch in batches if len(batch) != batch_size]
    assert short == ([len(lengths) % batch_size] if len(lengths) % batch_size else [])


@given(lengths=lengths, batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(1, 9))
def test_the_seed_and_the_epoch_fix_the_order(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> None:
    once, again = (epoch_batches(lengths, batch_size=batch_size, seed=seed, epoch=epoch) for _ in range(2))
    assert [batch.tolist() for batch in once] == [batch.tolist() for batch in again]


def test_another_epoch_or_seed_has_another_order() -> None:
    lengths = np.arange(1, 200)
    orders = {
        tuple(np.concatenate(epoch_batches(lengths, batch_size=8, seed=seed, epoch=epoch)))
        for seed in range(3)
        for epoch in range(1, 4)
    }
    assert len(orders) == 9


def test_a_batch_holds_rows_of_like_length_and_the_batches_are_shuffled() -> None:
    lengths = np.random.default_rng(0).integers(4, 512, 2000)
    batches = epoch_batches(lengths, batch_size=16, seed=0, epoch=1)
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    assert padded < 1.1 * lengths.sum()
    longest = np.array([lengths[batch].max() for batch in batches[:BUCKET_BATCHES]])
    assert (np.diff(longest) < 0).any()
    assert (np.diff(longest) > 0).any()
