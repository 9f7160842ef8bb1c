import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as t_distribution
from sklearn.metrics import f1_score

from reviewtune.errors import DataError, UsageError
from reviewtune.evaluation.significance import Interval, f1_interval

rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), min_size=1, max_size=80)


def classifier(fake, error, seed):
    wrong = np.random.default_rng(seed).uniform(size=len(fake)) < error
    return fake ^ wrong


@settings(max_examples=100)
@given(rows, st.randoms(use_true_random=False))
def test_the_interval_holds_the_estimate_and_ignores_the_order(rows, random):
    fake, called, units = (np.array(column) for column in zip(*rows, strict=True))
    found = f1_interval(fake, called, units=units)
    assert 0 <= found.low <= f1_score(fake, called, zero_division=0.0) <= found.high <= 1
    random.shuffle(rows)
    fake, called, units = (np.array(column) for column in zip(*rows, strict=True))
    again = f1_interval(fake, called, units=units)
    assert (again.low, again.high, again.rough) == (pytest.approx(found.low), pytest.approx(found.high), found.rough)


@pytest.mark.parametrize("error", [0.0, 0.02, 0.2, 1.0])
def test_alone_it_is_wilsons_interval_of_the_share_that_is_both_fake_and_called_so(error):
    fake = np.arange(400) % 2 == 0
    called = classifier(fake, error, seed=3)
    both, either = int((fake & called).sum()), int((fake | called).sum())
    share = binomtest(both, either).proportion_ci(0.95, method="wilson")
    found = f1_interval(fake, called)
    assert (found.low, found.high) == pytest.approx([2 * end / (1 + end) for end in (share.low, share.high)])
    assert not found.rough


def test_ten_copies_of_each_review_tell_no_more_than_the_review():
    fake = np.arange(300) % 2 == 0
    called = classifier(fake, 0.15, seed=1)
    once, copied = (
        f1_interval(fake, called),
        f1_interval(fake.repeat(10), called.repeat(10), units=np.arange(300).repeat(10)),
    )
    taken_apart = f1_interval(fake.repeat(10), called.repeat(10))
    # A little wider: the variance between units is now estimated, so Student's t stands for the normal quantile.
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.1)
    assert taken_apart.high - taken_apart.low < 0.4 * (copied.high - copied.low)


def test_units_of_one_review_change_nothing_and_one_pair_hardly_anything():
    fake = np.arange(400) % 2 == 0
    called = classifier(fake, 0.1, seed=2)
    alone, numbered = f1_interval(fake, called), f1_interval(fake, called, units=np.arange(400) * 7)
    assert numbered == alone
    paired = f1_interval(fake, called, units=np.maximum(np.arange(400), 1))
    assert (paired.low, paired.high) == pytest.approx((alone.low, alone.high), abs=0.002)


def test_related_reviews_never_narrow_the_interval():
    fake = np.arange(400) % 2 == 0
    called = fake.copy()
    called[::10] ^= True  # one error in each unit of ten: as even as can be
    alone, units = f1_interval(fake, called), f1_interval(fake, called, units=np.arange(400) // 10)
    assert units.high - units.low >= alone.high - alone.low


def test_the_interval_is_that_of_resampling_whole_units():
    random = np.random.default_rng(7)
    fake = random.uniform(size=1000) < 0.5
    units = np.arange(1000) // 5
    called = fake ^ (random.uniform(size=200) < 0.1).repeat(5)
    found = f1_interval(fake, called, units=units)
    drawn = [
        np.concatenate([np.arange(5 * unit, 5 * unit + 5) for unit in random.integers(0, 200, 200)]) for _ in range(800)
    ]
    low, high = np.quantile([f1_score(fake[rows], called[rows]) for rows in drawn], [0.025, 0.975])
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)
    alone = f1_interval(fake, called)
    assert alone.high - alone.low < 0.6 * (high - low)


@pytest.mark.parametrize(
    ("fake", "units", "rough"),
    [
        (np.arange(400) % 2 == 0, None, False),
        (np.arange(400) < 8, None, True),  # nine reviews are fake or called fake
        (np.arange(400) % 2 == 0, np.arange(400) // 20, False),
        (np.arange(400) % 2 == 0, np.arange(400) // 100, True),  # four units
    ],
)
def test_an_interval_of_few_reviews_or_units_is_rough(fake, units, rough):
    called = fake.copy()
    called[[21, 61, 101, 141, 181, 221, 261, 301, 341, 381] if fake[100] else [399]] ^= True
    assert f1_interval(fake, called, units=units).rough == rough


def test_few_units_widen_the_interval():
    fake = np.arange(400) % 2 == 0
    called = fake.copy()
    called[::40] ^= True
    called[:20] ^= True
    widths = []
    for size in (1, 10, 40):
        found = f1_interval(fake, called, units=np.arange(400) // size)
        widths.append(found.high - found.low)
    assert widths == sorted(widths)
    assert widths[-1] > 4 * widths[0]


def test_where_nothing_is_known_the_interval_says_so():
    nothing = f1_interval([False] * 50, [False] * 50)
    assert (nothing.low, nothing.high > 0.999, nothing.rough) == (0.0, True, True)
    one_unit = f1_interval([True] * 30, [True] * 30, units=[4] * 30)
    assert (one_unit.low < 0.4, one_unit.high, one_unit.rough) == (True, 1.0, True)
    all_wrong = f1_interval([True, False] * 40, [False, True] * 40)
    assert (all_wrong.low, all_wrong.high < 0.12) == (0.0, True)


def test_more_confidence_widens_it_and_95_percent_is_the_default():
    fake = np.arange(500) % 2 == 0
    labels = classifier(fake, 0.1, seed=8)
    assert f1_interval(fake, labels) == f1_interval(fake, labels, confidence=0.95)
    narrow, wide = f1_interval(fake, labels, confidence=0.5), f1_interval(fake, labels, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert isinstance(narrow, Interval)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(DataError, match="at least one label"):
        f1_interval([], [])
    with pytest.raises(DataError, match="units must hold"):
        f1_interval([True, False], [True, True], units=[1])


@pytest.mark.parametrize("confidence", [0, 1, 1.5, 95])
def test_a_confidence_lies_between_none_and_certainty(confidence):
    with pytest.raises(UsageError, match=f"between 0 and 1, not {confidence}"):
        f1_interval([True], [True], confidence=confidence)


def test_of_related_reviews_it_is_wilsons_interval_of_as_many_unrelated_ones_step_by_step():
    random = np.random.default_rng(11)
    units = np.append(np.arange(240) // 6, 1000 + np.arange(60))  # forty units of six, and sixty reviews alone
    fake = random.uniform(size=300) < 0.5
    called = fake ^ (random.uniform(size=1100) < 0.2)[units]
    rows = [np.flatnonzero(units == unit) for unit in np.unique(units)]
    hits, either, fakes = (
        np.array([part[own].sum() for own in rows], dtype=float) for part in (fake & called, fake | called, fake)
    )
    share = hits.sum() / either.sum()
    residual = hits - share * either
    slope, intercept = np.polyfit(fakes, residual, 1)
    squares = ((residual - slope * fakes - intercept) ** 2)[:40]
    contributing = (either > 0).sum()
    alone = share * (1 - share) * either[40:].sum()
    together = share * (1 - share) * either.sum()
    effect = (contributing / (contributing - 1) * squares.sum() + alone) / together
    quantile = t_distribution.ppf(0.975, (squares.sum() + alone) ** 2 / (squares**2).sum())
    # Wilson's ends are where the distance to the share is so many of their own standard errors.
    found = f1_interval(fake, called, units=units)
    assert effect > 2
    for f1 in (found.low, found.high):
        end = f1 / (2 - f1)
        error = np.sqrt(end * (1 - end) * effect / either.sum())
        assert abs(end - share) / error == pytest.approx(quantile, rel=1e-6)


def test_a_single_unit_tells_as_much_as_one_review():
    fake = np.ones(30, dtype=bool)
    called = np.arange(30) < 20
    found = f1_interval(fake, called, units=np.zeros(30, dtype=int))
    assert found.rough
    assert (found.low < 0.1, found.high > 0.99) == (True, True)
