import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from reviewtune.errors import DataError
from reviewtune.evaluation.metrics import (
    ECE_BINS,
    calibration_error_floor,
    classification_scores,
    expected_calibration_error,
    one_class_scores,
    validation_scores,
)
from reviewtune.evaluation.roc_interval import LIMITS
from reviewtune.leaderboard.scores import TestScores


def test_every_score_of_eight_reviews_computed_by_hand():
    fake = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    probability = np.array([0.9, 0.9, 0.9, 0.2, 0.6, 0.1, 0.1, 0.1])
    scores = classification_scores(fake, probability, probability > 0.5)
    assert (scores["true_positives"], scores["false_positives"]) == (3, 1)
    assert (scores["false_negatives"], scores["true_negatives"]) == (1, 3)
    for name in ("f1", "accuracy", "precision", "recall"):
        assert scores[name] == pytest.approx(0.75)
    assert scores["mcc"] == pytest.approx((3 * 3 - 1 * 1) / math.sqrt(4**4))
    # 15 of the 16 pairs of a fake and a genuine review are in order: 0.2 < 0.6 is not.
    assert scores["roc_auc"] == pytest.approx(15 / 16)
    # The recall rises by 3/4 at precision 1, and by 1/4 at 4 of 5.
    assert scores["average_precision"] == pytest.approx(3 / 4 + 1 / 4 * 4 / 5)
    assert scores["brier"] == pytest.approx((3 * 0.01 + 0.64 + 0.36 + 3 * 0.01) / 8)
    # Bins [1/15, 2/15): 0.3 against 0 fakes; [3/15, 4/15): 0.2 against 1; [9/15, 10/15): 0.6 against 0; 0.9s: 2.7, 3.
    assert scores["ece"] == pytest.approx((0.3 + 0.8 + 0.6 + 0.3) / 8)
    assert scores["log_loss"] == pytest.approx(-(6 * math.log(0.9) + math.log(0.2) + math.log(0.4)) / 8)


def test_the_scores_are_the_fields_of_an_entry_but_for_intervals_and_other_shares_of_fakes():
    scores = classification_scores([True, False], [0.8, 0.3], [True, False])
    ends = {f"{name}_{end}" for name in ("f1", *LIMITS) for end in ("low", "high")}
    others = {"f1_rough", "num_units", "precision_at_prevalence", "f1_at_prevalence"}
    assert set(scores) | ends | others == set(TestScores.model_fields)
    assert TestScores.model_validate({**scores, "f1_low": 1.0, "f1_high": 1.0}).f1 == 1


def test_the_label_and_not_one_half_decides():
    scores = classification_scores([True, True, False], [0.3, 0.4, 0.2], [True, True, False])
    assert scores["f1"] == 1


def test_a_classifier_that_calls_nothing_fake_scores_zero_without_a_warning(recwarn):
    scores = classification_scores([True, False], [0.1, 0.2], [False, False])
    assert (scores["f1"], scores["precision"], scores["recall"], scores["mcc"]) == (0, 0, 0, 0)
    assert not list(recwarn)


def test_fakes_alone_tell_the_recall_and_genuine_reviews_the_false_alarms():
    probability = np.array([0.9, 0.8, 0.7, 0.2])
    scores, untold = one_class_scores([True] * 4, probability, probability > 0.5)
    # Wilson's interval of 3 of 4 by hand: (0.75 + z2/8 +- z sqrt(0.75 * 0.25/4 + z2/64)) / (1 + z2/4), z2 = 3.8415.
    assert scores == {
        "recall": 0.75,
        "recall_low": pytest.approx(0.30064, abs=1e-5),
        "recall_high": pytest.approx(0.95441, abs=1e-5),
        "brier": pytest.approx((0.01 + 0.04 + 0.09 + 0.64) / 4),
        "ece": pytest.approx((0.1 + 0.2 + 0.3 + 0.8) / 4),
        "true_positives": 3,
        "false_negatives": 1,
    }
    assert untold.startswith("all 4 reviews are fake: they tell nothing of precision, the false-alarm rate, F1")
    scores, untold = one_class_scores([0] * 4, probability, probability > 0.5)
    assert scores["false_positive_rate"] == 0.75
    assert (scores["false_positives"], scores["true_negatives"]) == (3, 1)
    assert "recall" not in scores
    assert "all 4 reviews are genuine: they tell nothing of recall, precision, F1" in untold


@pytest.mark.parametrize(("size", "alone"), [(1, 200), (5, 40), (10, 20)])
def test_related_reviews_tell_as_much_as_fewer_that_stand_alone(size: int, alone: int) -> None:
    """Of none in `alone` units Wilson's upper end is z2 / (alone + z2)."""
    nobody = np.zeros(200, bool)
    scores, _ = one_class_scores(nobody, np.zeros(200), nobody, np.arange(200) // size)
    assert scores["false_positive_rate_high"] == pytest.approx(3.841459 / (alone + 3.841459))
    assert scores["false_positive_rate_low"] == 0


def test_the_interval_of_a_rate_holds_it_where_reviews_are_related() -> None:
    """One in ten units is called fake; of 400 draws of 20 units of ten, 95 % within three standard errors."""
    rng, held = np.random.default_rng(0), 0
    units, genuine = np.repeat(np.arange(20), 10), np.zeros(200, bool)
    for _ in range(400):
        called = np.repeat(rng.random(20) < 0.1, 10)
        scores, _ = one_class_scores(genuine, called * 0.9, called, units)
        held += scores["false_positive_rate_low"] <= 0.1 <= scores["false_positive_rate_high"]
    assert held / 400 >= 0.917


def test_one_class_scores_are_of_one_class():
    with pytest.raises(DataError, match="are fake and genuine: score them by classification_scores"):
        one_class_scores([True, False], [0.9, 0.1], [True, False])
    with pytest.raises(DataError, match="row 0 has nan"):
        one_class_scores([True], [math.nan], [True])


def test_certain_and_wrong_has_a_finite_log_loss():
    scores = classification_scores([True, False], [0.0, 1.0], [False, True])
    assert math.isfinite(scores["log_loss"])
    assert scores["ece"] == 1


@pytest.mark.parametrize(
    ("fake", "probability", "predicted", "message"),
    [
        ([], [], [], "at least one label"),
        ([True, True], [0.1, 0.2], [True, False], "all 2 are fake"),
        ([False, False], [0.1, 0.2], [True, False], "all 2 are genuine"),
        ([True, False], [0.1, math.nan], [True, False], "row 1 has nan"),
        ([True, False], [0.1, 1.5], [True, False], "row 1 has 1.5"),
        ([True, False], [0.1], [True, False], r"shape is \(1,\)"),
        ([True, False], [0.1, 0.2], [True], "predicted has 1 labels, but fake has 2"),
        ([True, False], [0.1, 0.2], [1, 2], "predicted must hold false and true only"),
        ([[True, False]], [0.1, 0.2], [1, 0], r"shape is \(1, 2\)"),
    ],
)
def test_what_cannot_be_scored_is_refused(fake, probability, predicted, message):
    with pytest.raises(DataError, match=message):
        classification_scores(fake, probability, predicted)


probabilities = npst.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))


@given(probabilities, st.randoms(use_true_random=False))
def test_ece_is_the_weighted_mean_of_the_bins_gaps(probability, random):
    fake = np.array([random.random() < 0.5 for _ in probability])
    expected = 0.0
    for index in range(ECE_BINS):
        inside = np.clip(np.floor(probability * ECE_BINS), 0, ECE_BINS - 1) == index
        if inside.any():
            expected += inside.mean() * abs(probability[inside].mean() - fake[inside].mean())
    assert expected_calibration_error(fake, probability) == pytest.approx(expected, abs=1e-12)


def test_probabilities_that_mean_what_they_say_have_almost_no_calibration_error():
    random = np.random.default_rng(0)
    probability = random.uniform(size=100_000)
    fake = random.uniform(size=100_000) < probability
    assert expected_calibration_error(fake, probability) < 0.01
    assert expected_calibration_error(fake, probability**3) > 0.1


def test_the_floor_is_the_calibration_error_of_perfect_probabilities_at_this_size():
    random = np.random.default_rng(1)
    probability = random.beta(0.3, 0.3, size=3000)
    measured = [expected_calibration_error(random.uniform(size=3000) < probability, probability) for _ in range(300)]
    floor = calibration_error_floor(probability)
    assert floor == pytest.approx(np.mean(measured), rel=0.05)
    assert floor == calibration_error_floor(probability)
    assert calibration_error_floor(probability[:300]) > 2 * floor
    assert calibration_error_floor(np.array([0.0, 1.0, 1.0])) == 0
    scores = classification_scores([True, False, True], [0.9, 0.2, 0.6], [True, False, True])
    assert scores["ece_floor"] == calibration_error_floor(np.array([0.9, 0.2, 0.6]))


def test_trials_are_compared_by_the_labels_that_their_artifacts_would_give():
    """Where fakes are rare a good classifier may never be surer of a fake than not; another scale changes nothing."""
    random = np.random.default_rng(2)
    fake = random.random(4000) < 0.03
    scores = random.normal(0, 1, 4000) + 2.0 * fake - 6.0
    assert (scores < 0).all()
    scored = validation_scores(fake, scores)
    assert 0.25 < scored["f1"] < 0.5
    assert validation_scores(fake, 3 * scores + 11) == pytest.approx(scored, abs=0.01)
