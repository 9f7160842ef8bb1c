import numpy as np
import pytest

from reviewtune.errors import DataError
from reviewtune.evaluation.thresholds import ThresholdCounts
from reviewtune.evaluation.units import design_effect


def test_every_threshold_is_counted_by_hand():
    counts = ThresholdCounts.of([True, False, True, False], [0.9, 0.6, 0.6, 0.1])
    assert counts.found.tolist() == [0, 1, 2, 2]
    assert counts.false_alarms.tolist() == [0, 0, 1, 2]
    assert counts.threshold.tolist() == pytest.approx([0.9, 0.75, 0.35, 0.0])
    assert (counts.num_fake, counts.num_genuine) == (2, 2)
    assert counts.fakes_alone.tolist() == [2, 2, 2, 2]


def test_the_counts_are_those_of_the_labels_at_each_threshold():
    rng = np.random.default_rng(0)
    fake, probability = rng.random(200) < 0.4, rng.random(200).round(2)
    counts = ThresholdCounts.of(fake, probability)
    for threshold, found, alarms in zip(counts.threshold, counts.found, counts.false_alarms, strict=True):
        called = probability > threshold
        if threshold > 0:
            assert (found, alarms) == (np.sum(called & fake), np.sum(called & ~fake))
    assert (counts.found[-1], counts.false_alarms[-1]) == (fake.sum(), (~fake).sum())


def test_the_way_of_labels_has_their_confusion():
    rng = np.random.default_rng(1)
    fake, probability = rng.random(300) < 0.5, rng.random(300)
    counts = ThresholdCounts.of(fake, probability)
    called = probability > 0.37
    way = counts.way_of(called)
    assert (counts.found[way], counts.false_alarms[way]) == (np.sum(called & fake), np.sum(called & ~fake))


def test_related_reviews_tell_as_much_as_their_design_effect_says():
    rng = np.random.default_rng(2)
    units = rng.integers(0, 60, 200)
    fake = rng.random(200) < 0.5
    probability = np.clip(0.3 * rng.random(60)[units] + 0.7 * rng.random(200), 0, 1)
    counts = ThresholdCounts.of(fake, probability, units)
    for way in range(len(counts.threshold) - 1):
        called = probability > counts.threshold[way]
        expected = fake.sum() / design_effect(called[fake], units[fake])
        assert counts.fakes_alone[way] == pytest.approx(expected), way
        expected = (~fake).sum() / design_effect(called[~fake], units[~fake])
        assert counts.genuine_alone[way] == pytest.approx(expected), way


def test_copies_of_one_review_tell_as_much_as_one():
    fake = np.repeat([True, False], 8)
    probability = np.where(fake, 0.8, 0.2)
    counts = ThresholdCounts.of(fake, probability, np.repeat([0, 1], 8))
    assert counts.fakes_alone.tolist() == pytest.approx([1, 1, 1])


def test_one_class_has_no_threshold_to_choose():
    with pytest.raises(DataError):
        ThresholdCounts.of([True, True], [0.5, 0.6])
