import numpy as np
import pytest

from reviewtune.evaluation.selection import FoldScores, choose, standard_error


def of(*by_fold: float) -> FoldScores:
    """One seed, one leg."""
    return FoldScores([1], np.array(by_fold)[None, :, None])


def test_the_leg_of_the_highest_mean_counts_where_all_folds_tell_it_from_the_last() -> None:
    """Two seeds, two folds, three legs: fold 1 alone is best after leg 1, both by 0.01 after leg 2."""
    f1 = np.array([[[0.9, 0.8, 0.79], [0.5, 0.7, 0.69]], [[0.9, 0.8, 0.79], [0.5, 0.7, 0.69]]])
    scores = FoldScores([2, 4, 6], f1)
    assert scores.leg == 4
    np.testing.assert_allclose(scores.by_fold, [0.8, 0.7])
    assert scores.mean == pytest.approx(0.75)


@pytest.mark.parametrize("last", [[0.8, 0.7], [0.8, 0.68], [0.9, 0.7]], ids=["equal", "within an error", "best"])
def test_the_last_leg_counts_where_folds_do_not_tell_another_from_it(last: list[float]) -> None:
    f1 = np.array([[[0.1, 0.8, last[0]], [0.1, 0.7, last[1]]]])
    assert FoldScores([1, 2, 3], f1).leg == 3


def test_seeds_are_averaged_before_the_folds_give_the_error() -> None:
    scores = FoldScores([1], np.array([[[0.7], [0.9]], [[0.9], [0.9]]]))
    np.testing.assert_allclose(scores.by_fold, [0.8, 0.9])
    assert scores.standard_error == pytest.approx(0.1 / np.sqrt(2) / np.sqrt(2))
    assert standard_error(np.array([1.0, 2.0, 3.0])) == pytest.approx(1 / np.sqrt(3))


def test_the_highest_mean_wins_among_those_of_like_cost() -> None:
    assert choose([of(0.9, 0.8), of(0.91, 0.81), of(0.7, 0.7)], [1.0, 1.0, 0.7]) == (1, 1)


def test_a_cheaper_one_within_a_standard_error_of_the_difference_is_taken() -> None:
    best, near, far = of(0.90, 0.80, 0.86), of(0.86, 0.82, 0.85), of(0.88, 0.78, 0.84)
    # near falls short by 0.01 on average, with an error of 0.017; far by 0.02 in every fold, with none at all.
    assert choose([best, near, far], [3.0, 2.0, 1.0]) == (1, 0)
    assert choose([best, near, far], [3.0, 2.1, 1.0]) == (0, 0)


def test_of_equal_means_the_cheaper_one_is_the_best() -> None:
    assert choose([of(0.9, 0.8), of(0.9, 0.8)], [2.0, 1.9]) == (1, 1)
