"""A two-sample test that knows what it does not know: silent on one source, whatever its share of fakes."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from reviewtune.evaluation.shift import FALSE_ALARM, Shift, at_least_as_high, compare


def drawn(random: np.random.Generator, rows: int, shift: float = 0.0) -> Any:
    return (random.standard_normal((rows, 6)) + shift).astype(np.float32)


def test_a_conformal_p_value_counts_the_references_and_the_score_itself() -> None:
    found = at_least_as_high(np.array([0.0, 2.0, 2.5, 9.0]), np.array([3.0, 1.0, 2.0]))
    np.testing.assert_allclose(found, [1.0, 0.75, 0.5, 0.25])


def test_a_batch_of_the_same_source_is_called_unlike_as_seldom_as_is_said() -> None:
    random = np.random.default_rng(0)
    draws, fake = 200, np.arange(200) % 2 == 0
    p_values = []
    for _ in range(draws):
        found = compare(drawn(random, 40), drawn(random, 200), fake)
        assert found is not None
        p_values.append(found.p_value)
    alarms = sum(p <= FALSE_ALARM for p in p_values)
    assert alarms <= stats.binom.ppf(0.999, draws, FALSE_ALARM)
    # Rather too quiet, since the share of fakes is fitted, but a test all the same.
    assert 0.4 < np.mean(p_values) < 0.8


def test_a_batch_of_another_source_is_told_apart() -> None:
    random = np.random.default_rng(1)
    found = compare(drawn(random, 30, 1.5), drawn(random, 200), np.arange(200) % 2 == 0)
    assert found is not None
    assert found.unlike
    assert found.p_value == 1 / 200
    assert found.auc > 0.95
    assert found.num_reviews == 30


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_another_share_of_fakes_is_no_other_source(share: float) -> None:
    random = np.random.default_rng(2)

    def source(fake: Any) -> Any:
        traits = drawn(random, len(fake))
        traits[fake, 0] += 3
        return traits

    known = np.arange(1000) % 2 == 0
    found = compare(source(np.arange(400) < share * 400), source(known), known)
    assert found is not None
    assert not found.unlike
    assert found.auc < 0.58


def test_differences_that_are_sure_and_small_are_no_alarm() -> None:
    assert not Shift(num_reviews=2000, p_value=0.0025, auc=0.59).unlike
    assert Shift(num_reviews=2000, p_value=0.0025, auc=0.6).unlike
    assert not Shift(num_reviews=2000, p_value=0.0125, auc=0.9).unlike


def test_too_few_reviews_say_nothing() -> None:
    random = np.random.default_rng(3)
    fake = np.arange(100) % 2 == 0
    assert compare(drawn(random, 19), drawn(random, 100), fake) is None
    assert compare(drawn(random, 0), drawn(random, 100), fake) is None
    assert compare(drawn(random, 100), drawn(random, 19), fake[:19]) is None
    enough = compare(drawn(random, 20), drawn(random, 100), fake)
    assert enough is not None
    assert enough.num_reviews == 20


def test_numbers_that_do_not_vary_do_no_harm() -> None:
    random = np.random.default_rng(4)
    batch, reference = drawn(random, 40), drawn(random, 200)
    batch[:, 2] = reference[:, 2] = 7.0
    found = compare(batch, reference, np.zeros(200, dtype=np.bool_))
    assert found is not None
    assert found.p_value > FALSE_ALARM
