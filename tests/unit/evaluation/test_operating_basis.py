import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit

from reviewtune.errors import DataError
from reviewtune.evaluation.operating_basis import MOST_KEPT, OperatingBasis, _kept_ranks, calibrated
from reviewtune.evaluation.operating_point import rank_at_fpr, threshold_at_fpr, with_prevalence
from reviewtune.evaluation.threshold import f1_threshold


def drawn(rows: int, share: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose log-odds of being fake, where half are, are 2.5 times them less 3.125; and labels."""
    random = np.random.default_rng(seed)
    fake = random.random(rows) < share
    return random.standard_normal(rows) + 2.5 * fake, fake


def probabilities(rows: int, share: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    scores, fake = drawn(rows, share, seed)
    return expit(2.5 * scores - 3.125), fake


@given(st.integers(1, 2 * 10**6))
def test_a_few_thousand_ranks_stand_for_all_and_each_is_at_hand_within_a_hundredth(count: int) -> None:
    ranks = _kept_ranks(count)
    assert ranks[: min(count, 100)] == list(range(1, min(count, 100) + 1))
    assert ranks[-1] <= count < ranks[-1] * 1.01 + 1
    assert len(ranks) <= MOST_KEPT
    assert all(low < high <= max(low + 1, low * 1.01) for low, high in pairwise(ranks))


def test_a_limit_is_kept_by_the_same_threshold_as_from_the_scores_themselves() -> None:
    probability, fake = probabilities(4000)
    units = np.arange(4000) // 2
    basis = OperatingBasis.of(probability, fake, units)
    for limit in (0.01, 0.03):
        exact = threshold_at_fpr(probability[~fake], limit, units=units[~fake])
        assert basis.threshold(limit, None) == exact
        assert basis.threshold(limit, 0.1) == with_prevalence(exact, basis.fake_share, 0.1)
    exact, kept = threshold_at_fpr(probability[~fake], 0.3, units=units[~fake]), basis.threshold(0.3, None)
    assert exact <= kept
    assert (probability[~fake] > kept).mean() == pytest.approx((probability[~fake] > exact).mean(), rel=0.02)
    assert basis.genuine == len(np.unique(units[~fake]))
    with pytest.raises(DataError, match=r"at most 0\.0001, .* needs 29,956 unrelated genuine reviews, and there are 1"):
        basis.threshold(0.0001, None)


@pytest.mark.parametrize("prevalence", [0.002, 0.05, 0.3, 0.9])
def test_the_threshold_of_another_share_is_that_of_reviews_of_this_share(prevalence: float) -> None:
    basis = OperatingBasis.of(*probabilities(40_000))
    to_come, fake = probabilities(400_000, prevalence, seed=1)
    corrected = basis.corrected(to_come, prevalence)
    assert basis.threshold(None, prevalence) == pytest.approx(f1_threshold(corrected), abs=0.015)

    def f1(threshold: float) -> float:
        called = corrected > threshold
        return 2 * (called & fake).sum() / (called.sum() + fake.sum())

    best = max(f1(threshold) for threshold in np.linspace(0.02, 0.98, 97))
    assert f1(basis.threshold(None, prevalence)) > best - 0.01
    as_calibrated = 2 * ((to_come > 0.45) & fake).sum() / ((to_come > 0.45).sum() + fake.sum())
    assert prevalence > 0.1 or as_calibrated < best - 0.05


def test_without_another_share_it_is_the_threshold_of_the_same_probabilities_nearly() -> None:
    probability, fake = probabilities(5000, 0.3)
    basis = OperatingBasis.of(probability, fake)
    assert basis.threshold(None, None) == pytest.approx(f1_threshold(probability), abs=0.01)
    assert basis.corrected(probability, None) is probability
    assert sum(basis.counts) == 5000
    assert basis.fake_share == fake.mean()


def test_probabilities_of_nought_and_one_have_their_bins() -> None:
    basis = OperatingBasis.of(np.array([0.0, 1.0, 0.5]), np.array([False, True, False]))
    assert (basis.bins, basis.counts, basis.highest) == ([-800, 0, 800], [1, 1, 1], [0.5, 0.0])


def test_what_is_kept_comes_back_from_json() -> None:
    basis = OperatingBasis.of(*probabilities(3000))
    assert OperatingBasis.model_validate_json(basis.model_dump_json(), strict=True) == basis


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ranks": [2, 3]}, "ranks must rise from 1"),
        ({"ranks": [1, 1]}, "ranks must rise from 1"),
        ({"ranks": [1, 3]}, "ranks must rise from 1 to 2"),
        ({"highest": [0.5, 0.6]}, "none above the one before"),
        ({"highest": [0.5]}, "a probability a rank"),
        ({"highest": [1.5, 0.5]}, "less than or equal to 1"),
        ({"bins": [3, 1]}, "bins must rise"),
        ({"counts": [1]}, "a number a bin"),
        ({"counts": [0, 1]}, "greater than or equal to 1"),
        ({"bins": [0, 801]}, "less than or equal to 800"),
        ({"fake_share": 1.0}, "less than 1"),
        ({"ranks": [], "highest": []}, "at least 1 item"),
        ({"more": 1}, "not permitted"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    whole = {"fake_share": 0.5, "genuine": 2, "ranks": [1, 2], "highest": [0.7, 0.1], "bins": [0, 2], "counts": [1, 3]}
    OperatingBasis.model_validate_json(json.dumps(whole), strict=True)
    with pytest.raises(ValidationError, match=said):
        OperatingBasis.model_validate_json(json.dumps({**whole, **changes}), strict=True)


def test_calibration_and_threshold_follow_what_is_asked() -> None:
    scores, fake = drawn(6000)
    plain = calibrated(scores, fake)
    probability = plain.calibration.apply(scores)
    assert plain.threshold == f1_threshold(probability)
    assert (plain.max_fpr, plain.prevalence) == (None, None)
    limited = calibrated(scores, fake, max_fpr=0.01)
    assert limited.threshold == threshold_at_fpr(probability[~fake], 0.01)
    assert (probability[~fake] > limited.threshold).sum() == rank_at_fpr((~fake).sum(), 0.01) - 1
    rare = calibrated(scores, fake, max_fpr=0.01, prevalence=0.05)
    corrected = with_prevalence(probability, fake.mean(), 0.05)
    # The same reviews are called fake: a limit of false alarms does not depend on how many fakes there are.
    assert ((corrected > rare.threshold) == (probability > limited.threshold)).all()
    assert (rare.max_fpr, rare.prevalence, rare.basis) == (0.01, 0.05, plain.basis)
    assert calibrated(scores, fake, prevalence=0.05).threshold < plain.threshold
