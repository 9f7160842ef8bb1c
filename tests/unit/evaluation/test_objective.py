from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from reviewtune.config import StudyConfig
from reviewtune.evaluation.metrics import classification_scores, validation_scores
from reviewtune.evaluation.objective import OBJECTIVES, tpr_at_fpr
from reviewtune.schema import JUDGED, Objective

FAKE = np.arange(400) % 2 == 0


def scores(shift: float, seed: int = 0) -> np.ndarray:
    """Log-odds of two Gaussians `shift` apart."""
    return np.random.default_rng(seed).normal(size=len(FAKE)) + shift * FAKE


def test_a_study_may_be_for_each_of_them() -> None:
    assert set(OBJECTIVES) == set(get_args(Objective))
    assert [StudyConfig(objective=name).objective for name in OBJECTIVES] == list(OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_scores_that_tell_more_are_judged_higher(name: str) -> None:
    judged = [validation_scores(FAKE, scores(shift), name)[JUDGED] for shift in (0.5, 1.5, 3.0)]
    assert judged == sorted(judged)
    assert judged[0] < judged[2]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_only_the_shape_of_scores_counts(name: str) -> None:
    """Calibration comes later: a scale and an offset are no merit."""
    told = scores(1.5)
    first, other = (validation_scores(FAKE, each, name) for each in (told, 5 * told + 30))
    assert first[JUDGED] == pytest.approx(other[JUDGED], abs=1e-4)


def test_f1_is_what_is_judged_unless_something_else_is_asked() -> None:
    measured = validation_scores(FAKE, scores(1.0))
    assert measured[JUDGED] == measured["f1"] == pytest.approx(OBJECTIVES["f1"].judged(FAKE, scores(1.0)))


def test_the_share_of_fakes_that_is_found_at_a_share_of_false_alarms() -> None:
    """Of 100 genuine reviews one may be called fake; the second highest of them decides."""
    fake = np.arange(200) < 100
    told = np.r_[np.linspace(0, 10, 100), np.r_[9.5, 5.02, np.zeros(98) - 1]]
    assert tpr_at_fpr(fake, told) == np.mean(told[:100] > 5.02)
    assert tpr_at_fpr(fake[:150], told[:150]) == np.mean(told[:100] > 9.5)
    assert tpr_at_fpr(fake, -told, 0.0) == 0.0
    probability = (told + 1) / 12
    assert classification_scores(fake, probability, probability > 0.5)["tpr_at_fpr_01"] == np.mean(told[:100] > 5.02)


def test_no_point_of_the_curve_is_passed_over() -> None:
    """Every one of 100 genuine reviews lies between two fakes: thresholds on a line, all of which count."""
    fake = np.arange(200) % 2 == 0
    told = -np.arange(200.0)
    for allowed in range(100):
        assert tpr_at_fpr(fake, told, allowed / 100) == (allowed + 1) / 100


def test_the_measures_are_told_in_their_own_units() -> None:
    told = scores(1.5)
    log_loss = OBJECTIVES["log_loss"]
    judged = log_loss.judged(FAKE, told)
    assert judged < 0
    assert log_loss.text(judged) == f"{-judged:.4f}"
    # Knowing nothing costs a bit a review.
    assert log_loss.measure(FAKE, np.zeros(len(FAKE))) == pytest.approx(np.log(2), abs=0.01)
    precision = average_precision_score(FAKE, told)
    assert OBJECTIVES["average_precision"].text(precision) == f"{precision:.4f}"
    assert OBJECTIVES["average_precision"].judged(FAKE, told) == pytest.approx(precision)
