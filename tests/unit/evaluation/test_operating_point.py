import math

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from reviewtune.errors import DataError, UsageError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.metrics import expected_calibration_error
from reviewtune.evaluation.operating_point import (
    f1_at,
    fewest_genuine,
    one_a_unit,
    precision_at,
    rank_at_fpr,
    threshold_at_fpr,
    with_prevalence,
)

shares = st.floats(0.001, 0.999)


@pytest.mark.parametrize(
    ("max_fpr", "confidence", "wanted"), [(0.01, 0.95, 299), (0.001, 0.95, 2995), (0.05, 0.9, 45), (0.5, 0.5, 1)]
)
def test_as_many_genuine_reviews_are_needed_as_would_all_keep_the_limit_by_chance(
    max_fpr: float, confidence: float, wanted: int
) -> None:
    assert fewest_genuine(max_fpr, confidence) == wanted
    assert rank_at_fpr(wanted, max_fpr, confidence) == 1
    with pytest.raises(DataError, match=f"needs {wanted:,} unrelated genuine reviews, and there are {wanted - 1:,}"):
        rank_at_fpr(wanted - 1, max_fpr, confidence)


@pytest.mark.parametrize(("count", "in_reach"), [(298, "0.011"), (100, "0.03"), (20, "0.14"), (1, "0.95"), (0, "0.95")])
def test_too_few_reviews_are_told_which_limit_they_are_enough_for(count: int, in_reach: str) -> None:
    with pytest.raises(DataError, match=f"label more, or ask for {in_reach} or more$") as raised:
        threshold_at_fpr(np.zeros(count), 0.001) if count else rank_at_fpr(0, 0.001)
    assert "a false-alarm rate of at most 0.001, with 95% confidence, needs 2,995" in str(raised.value)
    if count:
        rank_at_fpr(count, float(in_reach))


@given(st.integers(1, 5000), shares, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_rank_is_the_largest_whose_risk_is_small_enough(count: int, max_fpr: float, confidence: float) -> None:
    """Against the sum of Tong, Feng and Li's Proposition 1, at the order statistic k from below."""
    if count < fewest_genuine(max_fpr, confidence):
        return
    rank = rank_at_fpr(count, max_fpr, confidence)

    def risk(k: int) -> float:
        return math.fsum(stats.binom.pmf(range(k, count + 1), count, 1 - max_fpr))

    k = count + 1 - rank
    assert risk(k) <= (1 - confidence) * (1 + 1e-9)
    assert k == 1 or risk(k - 1) > (1 - confidence) * (1 - 1e-9)


@given(npst.arrays(np.float64, st.integers(59, 300), elements=st.integers(-3, 3).map(float)))
def test_no_more_than_the_rank_allows_lie_above_the_threshold_however_many_are_tied(genuine: np.ndarray) -> None:
    threshold = threshold_at_fpr(genuine, 0.05)
    assert threshold in genuine
    allowed = rank_at_fpr(len(genuine), 0.05) - 1
    assert (genuine > threshold).sum() <= allowed < 0.05 * len(genuine)
    assert not (genuine < threshold).all()
    lower = genuine[genuine < threshold]
    assert not len(lower) or (genuine > lower.max()).sum() > allowed


def test_of_related_reviews_one_counts_whatever_its_score() -> None:
    scores, units = np.array([3.0, 1.0, 2.0, 5.0, 4.0]), np.array([7, -1, 7, -1, 0])
    drawn = {tuple(one_a_unit(scores, units, seed)) for seed in range(50)}
    assert drawn == {(5.0, 4.0, 3.0), (5.0, 4.0, 2.0), (4.0, 3.0, 1.0), (4.0, 2.0, 1.0)}
    assert one_a_unit(scores, units).tolist() == one_a_unit(scores, units).tolist()
    assert one_a_unit(scores).tolist() == [5.0, 4.0, 3.0, 2.0, 1.0]
    copied, each = np.tile(np.arange(60.0), 5), np.tile(np.arange(60), 5)
    assert threshold_at_fpr(copied, 0.05, units=each) == threshold_at_fpr(np.arange(60.0), 0.05) == 59.0
    assert threshold_at_fpr(copied, 0.05) < 59.0
    with pytest.raises(DataError, match="there are 58"):
        threshold_at_fpr(copied, 0.05, units=each % 58)


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1, 5.0])
def test_a_limit_and_a_confidence_are_shares(limit: float) -> None:
    with pytest.raises(UsageError, match=f"max_fpr must lie between 0 and 1, not {limit}"):
        threshold_at_fpr(np.arange(500.0), limit)
    with pytest.raises(UsageError, match=f"confidence must lie between 0 and 1, not {limit}"):
        threshold_at_fpr(np.arange(500.0), 0.1, limit)
    with pytest.raises(UsageError, match=f"prevalence must lie between 0 and 1, not {limit}"):
        with_prevalence([0.5], 0.5, limit)
    with pytest.raises(UsageError, match=f"trained_share must lie between 0 and 1, not {limit}"):
        with_prevalence([0.5], limit, 0.5)


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="row 1 has nan"):
        threshold_at_fpr([1.0, math.nan], 0.9)


def kept(studies: int, rows: int, max_fpr: float, *, size: int = 1, seed: int = 0) -> float:
    """Share of simulated data sets whose threshold keeps the limit in the population, a normal one.

    Units of `size` reviews have half of their variance in common.
    """
    random, within = np.random.default_rng(seed), 0
    for _ in range(studies):
        common = np.repeat(random.standard_normal(rows // size), size)
        own = random.standard_normal(len(common))
        genuine = own if size == 1 else (common + own) / np.sqrt(2)
        threshold = threshold_at_fpr(genuine, max_fpr, units=np.arange(len(genuine)) // size)
        within += stats.norm.sf(threshold) <= max_fpr
    return within / studies


def test_the_limit_holds_in_most_draws_and_the_plain_quantile_does_not() -> None:
    assert kept(300, 1000, 0.05) > 0.95 - 0.03
    random = np.random.default_rng(0)
    plain = [np.quantile(random.standard_normal(1000), 0.95) for _ in range(300)]
    assert np.mean(stats.norm.sf(plain) <= 0.05) < 0.65


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("max_fpr", "rows"), [(0.05, 300), (0.01, 1200), (0.01, 6000), (0.001, 9000), (0.001, 30_000)])
def test_the_limit_holds_in_95_of_100_of_a_thousand_data_sets(max_fpr: float, rows: int, size: int) -> None:
    noise = 2 * math.sqrt(0.95 * 0.05 / 1000)
    assert kept(1000, rows, max_fpr, size=size) > 0.95 - noise


@given(npst.arrays(np.float64, st.integers(1, 20), elements=st.floats(0, 1)), shares, shares)
def test_correcting_there_and_back_changes_nothing_and_keeps_the_order(
    probability: np.ndarray, trained: float, prevalence: float
) -> None:
    there = with_prevalence(probability, trained, prevalence)
    assert ((there >= 0) & (there <= 1)).all()
    assert with_prevalence(there, prevalence, trained) == pytest.approx(probability, abs=1e-8)
    assert with_prevalence(probability, trained, trained) == pytest.approx(probability)
    assert (np.diff(there[np.argsort(probability)]) >= -1e-15).all()


def test_odds_are_multiplied_and_ends_stay() -> None:
    assert with_prevalence([0.0, 0.5, 0.95, 1.0], 0.5, 0.05) == pytest.approx([0.0, 0.05, 0.5, 1.0])
    assert np.isnan(with_prevalence([math.nan], 0.5, 0.05)).all()


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_precision_and_f1_at_the_share_that_there_is_are_the_plain_ones(
    fakes: int, genuine: int, data: st.DataObject
) -> None:
    hits, alarms = data.draw(st.integers(0, fakes)), data.draw(st.integers(0, genuine))
    at = (fakes / (fakes + genuine), hits / fakes, alarms / genuine)
    assert precision_at(*at) == pytest.approx(hits / (hits + alarms) if hits else 0.0)
    assert f1_at(*at) == pytest.approx(2 * hits / (hits + alarms + fakes))


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([0.02, 0.05, 0.2, 0.8]), st.integers(0, 10**6))
@example(0.02, 507_572)
def test_what_is_corrected_agrees_with_resampled_reviews(prevalence: float, seed: int) -> None:
    """Calibrated where half are fake, then judged where another share is."""
    random = np.random.default_rng(seed)

    def drawn(share: float, rows: int) -> tuple[np.ndarray, np.ndarray]:
        fake = random.random(rows) < share
        return random.standard_normal(rows) + 2.5 * fake, fake

    calibration = PlattCalibration.fit(*drawn(0.5, 20_000))
    (even, truth), (scores, fake) = drawn(0.5, 400_000), drawn(prevalence, 400_000)
    corrected = with_prevalence(calibration.apply(scores), 0.5, prevalence)
    assert expected_calibration_error(fake, corrected) < 0.02
    assert expected_calibration_error(fake, calibration.apply(scores)) > 0.04
    threshold = 2.0
    rates = ((even[truth] > threshold).mean(), (even[~truth] > threshold).mean())
    called = scores > threshold
    assert precision_at(prevalence, *rates) == pytest.approx(fake[called].mean(), abs=0.04)
    assert f1_at(prevalence, *rates) == pytest.approx(2 * (called & fake).sum() / (called.sum() + fake.sum()), abs=0.03)
