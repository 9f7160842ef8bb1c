import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from reviewtune.evaluation.threshold import f1_threshold


def expected_f1(probability: np.ndarray, called: np.ndarray) -> float:
    return float(2 * probability[called].sum() / (probability.sum() + called.sum()))


@given(npst.arrays(np.float64, st.integers(1, 40), elements=st.floats(0.01, 1)))
def test_no_other_threshold_promises_a_higher_f1(probability: np.ndarray) -> None:
    threshold = f1_threshold(probability)
    assert 0 < threshold <= 0.5
    best = max(expected_f1(probability, probability >= value) for value in probability)
    # A probability on the threshold itself changes nothing, called fake or not.
    assert expected_f1(probability, probability > threshold - 1e-12) == pytest.approx(best)
    assert threshold == pytest.approx(best / 2)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_it_beats_one_half_on_reviews_to_come_and_most_where_fakes_are_rare(share: float) -> None:
    random = np.random.default_rng(5)
    odds = random.normal(np.log(share / (1 - share)), 1.5, 40_000)
    probability = 1 / (1 + np.exp(-odds))
    fake = random.random(40_000) < probability
    known, to_come = slice(20_000), slice(20_000, None)
    found = f1_score(fake[to_come], probability[to_come] > f1_threshold(probability[known]))
    half = f1_score(fake[to_come], probability[to_come] > 0.5)
    assert found > half + (0.01 if share == 0.5 else 0.1)


def test_sure_and_right_is_one_half_and_hopeless_is_none_at_all() -> None:
    assert f1_threshold(np.array([1.0, 1.0, 0.0])) == 0.5
    assert f1_threshold(np.zeros(3)) == 0.0
