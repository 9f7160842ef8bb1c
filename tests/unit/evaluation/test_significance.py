import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from reviewtune.errors import DataError, UsageError
from reviewtune.evaluation.significance import PairedDifference, f1_interval, paired_f1_difference

triples = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=80)


def classifier(fake, error, seed):
    wrong = np.random.default_rng(seed).uniform(size=len(fake)) < error
    return fake ^ wrong


@settings(max_examples=60)
@given(triples, st.randoms(use_true_random=False))
def test_the_interval_holds_the_estimate_and_ignores_the_order(rows, random):
    fake, a, _ = np.array(rows).T
    low, high = f1_interval(fake, a, resamples=200)
    assert 0 <= low <= f1_score(fake, a, zero_division=0.0) <= high <= 1
    random.shuffle(rows)
    fake, a, _ = np.array(rows).T
    assert f1_interval(fake, a, resamples=200) == (low, high)


@settings(max_examples=60)
@given(triples)
def test_the_difference_is_that_of_the_two_f1(rows):
    fake, a, b = np.array(rows).T
    paired = paired_f1_difference(fake, a, b, resamples=200)
    expected = f1_score(fake, a, zero_division=0.0) - f1_score(fake, b, zero_division=0.0)
    assert paired.difference == pytest.approx(expected)
    assert paired.low <= paired.difference <= paired.high


def test_the_interval_is_that_of_resampling_the_reviews_themselves():
    random = np.random.default_rng(7)
    fake = np.arange(400) % 2 == 0
    labels = classifier(fake, 0.1, seed=1)
    drawn = [random.integers(0, 400, size=400) for _ in range(2000)]
    expected = np.quantile([f1_score(fake[rows], labels[rows]) for rows in drawn], [0.025, 0.975])
    assert f1_interval(fake, labels, resamples=20_000) == pytest.approx(expected, abs=0.003)


def test_of_a_hundred_intervals_of_95_percent_about_95_hold_the_true_f1():
    # A tenth of the labels flipped, classes even: 45 % true positives, 5 % false of each kind, so F1 = 90 / 100.
    fake = np.arange(1000) % 2 == 0
    held = 0
    for seed in range(200):
        drawn = np.random.default_rng([seed, 1]).choice(fake, size=1000)
        low, high = f1_interval(drawn, classifier(drawn, 0.1, seed), resamples=1000)
        held += low <= 0.9 <= high
    assert 180 <= held <= 199


def test_pairing_tells_apart_what_the_two_intervals_alone_would_not():
    fake = np.arange(2000) % 2 == 0
    worse = classifier(fake, 0.05, seed=3)
    better = worse.copy()
    better[np.flatnonzero(worse != fake)[:20]] ^= True
    low_of_better = f1_interval(fake, better)[0]
    high_of_worse = f1_interval(fake, worse)[1]
    assert low_of_better < high_of_worse
    assert not paired_f1_difference(fake, better, worse).tied


def test_equal_classifiers_are_tied_and_distant_ones_are_not():
    fake = np.arange(1000) % 2 == 0
    good, bad = classifier(fake, 0.02, seed=4), classifier(fake, 0.3, seed=5)
    assert paired_f1_difference(fake, good, good) == PairedDifference(0.0, 0.0, 0.0)
    assert paired_f1_difference(fake, good, good).tied
    assert not paired_f1_difference(fake, good, bad).tied


def test_swapping_the_classifiers_turns_the_sign():
    fake = np.arange(1000) % 2 == 0
    a, b = classifier(fake, 0.05, seed=6), classifier(fake, 0.08, seed=7)
    there, back = paired_f1_difference(fake, a, b), paired_f1_difference(fake, b, a)
    assert back.difference == -there.difference
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=0.005)


def test_the_seed_fixes_the_interval_and_more_confidence_widens_it():
    fake = np.arange(500) % 2 == 0
    labels = classifier(fake, 0.1, seed=8)
    assert f1_interval(fake, labels, seed=1) == f1_interval(fake, labels, seed=1)
    assert f1_interval(fake, labels, seed=1) != f1_interval(fake, labels, seed=2)
    narrow, wide = f1_interval(fake, labels, confidence=0.5), f1_interval(fake, labels, confidence=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_the_test_split_of_the_study_takes_no_time():
    fake = np.arange(8087) % 2 == 0
    started = time.perf_counter()
    paired_f1_difference(fake, classifier(fake, 0.02, 1), classifier(fake, 0.03, 2))
    assert time.perf_counter() - started < 1


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(DataError, match="at least one label"):
        f1_interval([], [])
    with pytest.raises(DataError, match="predicted_b has 1 labels"):
        paired_f1_difference([True, False], [True, False], [True])
    with pytest.raises(UsageError, match="resamples must be at least 1, not 0"):
        f1_interval([True], [True], resamples=0)


@pytest.mark.parametrize("confidence", [0, 1, 1.5, 95])
def test_a_confidence_lies_between_none_and_certainty(confidence):
    with pytest.raises(UsageError, match=f"between 0 and 1, not {confidence}"):
        f1_interval([True], [True], confidence=confidence)


def test_the_intervals_of_all_entries_are_of_one_seed_as_many_resamples_and_95_percent():
    fake = np.arange(500) % 2 == 0
    labels, other = classifier(fake, 0.1, seed=8), classifier(fake, 0.2, seed=9)
    same = {"seed": 0, "resamples": 2_000, "confidence": 0.95}
    assert f1_interval(fake, labels) == f1_interval(fake, labels, **same)
    assert paired_f1_difference(fake, labels, other) == paired_f1_difference(fake, labels, other, **same)
