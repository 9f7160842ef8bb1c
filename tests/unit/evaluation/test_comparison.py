import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import f1_score

from reviewtune.errors import DataError, UsageError
from reviewtune.evaluation.comparison import compare
from reviewtune.evaluation.significance import f1_interval

rows = st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=80)
FAKE = np.arange(1000) % 2 == 0


def classifier(fake, error, seed):
    return fake ^ (np.random.default_rng(seed).uniform(size=len(fake)) < error)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_the_differences_are_those_of_the_f1(rows):
    fake, first, a, b = np.array(rows).T
    found = compare(fake, first, {"a": a, "b": b})
    base = f1_score(fake, first, zero_division=0.0)
    for name, labels in (("a", a), ("b", b)):
        assert found[name].difference == pytest.approx(f1_score(fake, labels, zero_division=0.0) - base)
        assert found[name].low <= found[name].difference <= found[name].high
        assert found[name].detectable >= found[name].high - found[name].difference


def test_a_small_difference_on_the_same_reviews_shows_where_the_intervals_overlap():
    worse = classifier(FAKE, 0.05, seed=3)
    better = worse.copy()
    better[np.flatnonzero(worse != FAKE)[:20]] ^= True
    assert f1_interval(FAKE, better).low < f1_interval(FAKE, worse).high
    assert compare(FAKE, better, {"worse": worse})["worse"].behind
    assert compare(FAKE, worse, {"better": better})["better"].ahead


def test_equal_classifiers_are_tied_and_distant_ones_are_not():
    good, bad = classifier(FAKE, 0.02, seed=4), classifier(FAKE, 0.3, seed=5)
    found = compare(FAKE, good, {"same": good, "bad": bad})
    same = found["same"]
    assert (same.difference, same.low, same.high, same.detectable) == (0, 0, 0, 0)
    assert (same.behind, same.ahead, found["bad"].behind, found["bad"].ahead) == (False, False, True, False)


def test_of_one_comparison_the_interval_is_the_normal_one_of_the_paired_rows():
    a, b = classifier(FAKE, 0.1, seed=6), classifier(FAKE, 0.12, seed=7)
    found = compare(FAKE, a, {"b": b})["b"]
    random = np.random.default_rng(0)
    drawn = [random.integers(0, len(FAKE), len(FAKE)) for _ in range(800)]
    spread = np.std([f1_score(FAKE[rows], b[rows]) - f1_score(FAKE[rows], a[rows]) for rows in drawn])
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * spread, rel=0.1)
    assert found.detectable == pytest.approx((1.96 + norm.ppf(0.8)) * spread, rel=0.1)


def test_the_more_are_compared_the_wider_each_interval_unless_they_are_the_same():
    first, second = classifier(FAKE, 0.1, seed=1), classifier(FAKE, 0.1, seed=2)

    def half(others):
        found = compare(FAKE, first, {"second": second, **others})["second"]
        return found.high - found.difference

    alone = half({})
    assert half({"copy": second}) == pytest.approx(alone, rel=0.02)
    # Of five independent comparisons each has a confidence of 0.95 ** (1 / 5); these share the first, so a little less.
    most = alone * norm.ppf((1 + 0.95 ** (1 / 5)) / 2) / norm.ppf(0.975)
    five = half({str(seed): classifier(FAKE, 0.1, seed) for seed in range(10, 14)})
    assert 1.1 * alone < five < most


def test_reviews_that_belong_together_tell_less():
    first, second = (classifier(FAKE[:200], 0.1, seed).repeat(5) for seed in (1, 2))
    fake = FAKE[:200].repeat(5)
    apart = compare(fake, first, {"b": second})["b"]
    together = compare(fake, first, {"b": second}, units=np.arange(200).repeat(5))["b"]
    assert together.difference == apart.difference
    assert together.high - together.low == pytest.approx(5**0.5 * (apart.high - apart.low), rel=0.1)


def test_few_reviews_that_differ_decide_nothing():
    second = FAKE.copy()
    second[:4] ^= True
    assert not compare(FAKE, FAKE, {"b": second})["b"].behind
    second[:12] = ~FAKE[:12]
    assert compare(FAKE, FAKE, {"b": second})["b"].behind


def test_what_cannot_be_compared_is_refused():
    assert compare(FAKE, FAKE, {}) == {}
    with pytest.raises(DataError, match="labels, but fake has 2"):
        compare([True, False], [True, False], {"b": [True]})
    with pytest.raises(UsageError, match="between 0 and 1, not 95"):
        compare(FAKE, FAKE, {"b": FAKE}, confidence=95)


@pytest.mark.parametrize("units", [1, 2])
def test_one_unit_or_two_tell_no_classifier_from_another(units: int) -> None:
    """They have no spread that could be seen: of one the difference would be exact, whatever it is."""
    good, poor = classifier(FAKE, 0.02, 1), classifier(FAKE, 0.4, 2)
    found = compare(FAKE, good, {"poor": poor}, units=np.arange(1000) * units // 1000)["poor"]
    assert found.difference < -0.2
    assert not found.behind
    assert found.low < -1 < 1 < found.high


def test_the_interval_of_two_units_is_as_wide_as_two_reviews_make_it() -> None:
    units = np.arange(1000) // 500
    interval = f1_interval(FAKE, classifier(FAKE, 0.1, 1), units=units)
    assert interval.rough
    assert interval.high - interval.low > 0.5
