from collections import Counter

import numpy as np

from reviewtune.data.reservoir import Reservoir


def shown(count: int, most: int, parts: int) -> list[str]:
    sample = Reservoir(most)
    for part in np.array_split(np.arange(count), parts):
        sample.show([str(number) for number in part])
    assert sample.seen == count
    return sample.texts


def test_of_few_it_is_all_in_their_order() -> None:
    assert shown(7, 7, 3) == [str(number) for number in range(7)]
    assert shown(0, 7, 1) == []


def test_each_is_as_likely_as_any_other_whatever_the_parts() -> None:
    counts: Counter[int] = Counter()
    for parts in (1, 3, 40):
        found = [int(text) for text in shown(20_000, 4_000, parts)]
        assert len(set(found)) == 4_000
        counts.update(number // 2_000 for number in found)
    # Binomial(6000, 0.2): three standard deviations are 93.
    assert all(abs(count - 1_200) < 100 for count in counts.values())
