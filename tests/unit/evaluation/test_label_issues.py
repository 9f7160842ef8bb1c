import numpy as np
import pytest

from reviewtune.errors import DataError
from reviewtune.evaluation.label_issues import label_issues


def test_the_confident_joint_by_hand() -> None:
    fake = np.array([True, True, True, True, False, False, False, False])
    probability = np.array([0.9, 0.8, 0.6, 0.05, 0.2, 0.4, 0.7, 0.9])
    # Fakes are fake with 0.5875 on average, genuine reviews genuine with 0.45: 0.05 says genuine with 0.95, 0.7 and 0.9
    # say fake with more than 0.5875.
    assert label_issues(fake, probability).tolist() == [3, 7, 6]


def test_the_other_class_must_be_likelier_too() -> None:
    fake = np.array([True, True, False, False, False])
    probability = np.array([0.9, 0.55, 0.6, 0.6, 0.6])
    # Genuine reviews are genuine with 0.4 on average. 0.55 says genuine with 0.45, and fake all the same.
    assert label_issues(fake, probability).tolist() == []
    probability[1] = 0.45
    # 0.45 says genuine with 0.55.
    assert label_issues(fake, probability).tolist() == [1]


def test_labels_that_were_turned_are_found() -> None:
    random = np.random.default_rng(0)
    true = random.random(2000) < 0.4
    turned = random.random(2000) < 0.03
    probability = 1 / (1 + np.exp(-(random.standard_normal(2000) + np.where(true, 4, -4))))
    found = label_issues(true ^ turned, probability)
    assert turned[found].mean() > 0.9
    assert turned[found].sum() > 0.8 * turned.sum()
    own = np.where(true ^ turned, probability, 1 - probability)[found]
    assert (np.diff(own) >= 0).all()


@pytest.mark.parametrize(
    ("fake", "probability", "said"),
    [
        ([True, True], [0.5, 0.5], "fake and genuine"),
        ([True, False], [0.5, np.nan], "finite"),
        ([], [], "at least one"),
    ],
)
def test_what_cannot_be_judged_is_refused(fake: list, probability: list, said: str) -> None:
    with pytest.raises(DataError, match=said):
        label_issues(fake, probability)
