from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.tuning.balance import balanced
from reviewtune.tuning.training import Fold

ROW = st.tuples(st.sampled_from("abc"), st.booleans())


@given(rows=st.lists(ROW, min_size=2, max_size=60), data=st.data(), seed=st.integers(0, 9))
def test_each_class_of_each_source_counts_as_much_and_each_row_of_one_too(
    rows: list[tuple[str, bool]], data: st.DataObject, seed: int
) -> None:
    sources, fake = (np.array(values) for values in zip(*rows, strict=True))
    own = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, unique=True))
    train = np.sort(np.array(own))
    fold = balanced(Fold(train, np.array([0]), seed, 0.5), fake, sources.tolist())
    assert (len(fold.train), fold.held_out.tolist(), fold.seed, fold.first_rung) == (len(train), [0], seed, 0.5)
    assert set(fold.train) <= set(own)
    assert (np.diff(fold.train) >= 0).all()
    kinds = Counter(rows[row] for row in fold.train)
    assert len(train) < len(kinds) or max(kinds.values()) - min(kinds.values()) <= 1
    times = Counter(fold.train.tolist())
    for kind in kinds:
        of_kind = [times[row] for row in own if rows[row] == kind]
        assert max(of_kind) - min(of_kind) <= 1


def test_rows_are_drawn_by_the_seed() -> None:
    fake, sources = np.tile([True, False], 50), ["a"] * 80 + ["b"] * 20
    drawn = [balanced(Fold(np.arange(100), np.arange(0), seed), fake, sources).train.tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert Counter(sources[row] for row in drawn[0]) == {"a": 50, "b": 50}
