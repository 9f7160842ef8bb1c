"""Scores on reviews of a source that a classifier knows nothing of."""

import numpy as np
import pytest

from reviewtune.errors import DataError
from reviewtune.evaluation.elsewhere import elsewhere_scores

FAKE = np.repeat([True, True, False, False], [30, 10, 4, 36])
CALLED = np.repeat([True, False, True, False], [30, 10, 4, 36])
PROBABILITY = np.where(CALLED, 0.9, 0.2)


def test_both_classes_tell_everything() -> None:
    scores = elsewhere_scores(FAKE, PROBABILITY, CALLED, np.arange(80))
    assert (scores.num_reviews, scores.num_fake) == (80, 40)
    assert scores.recall == 30 / 40
    assert scores.precision == pytest.approx(30 / 34)
    assert scores.fpr == 4 / 40
    assert scores.f1 == pytest.approx(60 / 74)
    assert scores.f1_low is not None
    assert scores.f1_high is not None
    assert scores.f1_low < scores.f1 < scores.f1_high
    assert scores.roc_auc == pytest.approx(0.5 + (0.75 - 0.1) / 2)
    assert scores.tpr_at_fpr_01 is not None


def test_related_reviews_widen_the_interval() -> None:
    alone = elsewhere_scores(FAKE, PROBABILITY, CALLED, np.arange(80))
    related = elsewhere_scores(FAKE, PROBABILITY, CALLED, np.arange(80) // 2)
    assert related.f1 == alone.f1
    assert related.f1_high - related.f1_low > alone.f1_high - alone.f1_low  # type: ignore[operator]


@pytest.mark.parametrize(("row", "told"), [(0, {"recall": 0.75}), (-1, {"fpr": 0.1})])
def test_one_class_tells_what_it_can(row: int, told: dict[str, float]) -> None:
    own = FAKE[row] == FAKE
    scores = elsewhere_scores(FAKE[own], PROBABILITY[own], CALLED[own], np.arange(40))
    counts = {"num_reviews": 40, "num_fake": 40 if FAKE[row] else 0}
    assert {name: value for name, value in scores.model_dump().items() if value is not None} == counts | told


def test_a_probability_that_is_none_is_one_line() -> None:
    with pytest.raises(DataError, match="row 3 has nan"):
        elsewhere_scores(FAKE, np.where(np.arange(80) == 3, np.nan, 0.5), CALLED, np.arange(80))
