import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from reviewtune.errors import DataError
from reviewtune.evaluation.stacking import Stacking, cross_fitted

RANDOM = np.random.default_rng(3)
MANY = 20_000


@pytest.fixture(scope="module")
def judged() -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """Log-odds of two classifiers that know different things, and labels drawn from their weighted sum."""
    log_odds = {"words": RANDOM.normal(0, 2, MANY), "sense": RANDOM.normal(0, 2, MANY)}
    odds = 1.5 * log_odds["words"] + 0.5 * log_odds["sense"] - 0.7
    return log_odds, RANDOM.random(MANY) < expit(odds)


def test_the_weights_that_made_the_labels_are_found(judged) -> None:
    stacking = Stacking.fit(*judged)
    assert stacking.weights == pytest.approx({"words": 1.5, "sense": 0.5}, abs=0.1)
    assert stacking.intercept == pytest.approx(-0.7, abs=0.1)


def test_the_stack_is_likelier_than_its_members_and_their_mean(judged) -> None:
    log_odds, fake = judged
    stacked = log_loss(fake, expit(Stacking.fit(log_odds, fake).apply(log_odds)))
    for others in (*log_odds.values(), sum(log_odds.values()) / 2):
        assert stacked < log_loss(fake, expit(others)) - 0.01


def test_a_classifier_that_is_mostly_wrong_or_tells_nothing_new_is_left_out(judged) -> None:
    log_odds, fake = judged
    wrong = -3.0 * log_odds["words"] + RANDOM.normal(0, 1, MANY)
    assert set(Stacking.fit({**log_odds, "wrong": wrong}, fake).weights) == set(log_odds)


def test_a_classifier_that_tells_nothing_gets_no_weight(judged) -> None:
    log_odds, fake = judged
    flat = {"constant": np.full(MANY, 0.3), "backwards": -log_odds["words"]}
    assert set(Stacking.fit({**flat, **log_odds}, fake).weights) == set(log_odds)
    with pytest.raises(DataError, match="no classifier that tells more than chance"):
        Stacking.fit(flat, fake)


def test_a_classifier_counts_by_how_far_it_moves_the_log_odds_whatever_its_scale() -> None:
    """A faint one has a huge weight; it must not make that of a strong one look negligible."""
    random = np.random.default_rng(11)
    for _ in range(200):
        fake = np.arange(100) % 2 == 0
        strong = np.where(fake, 2.0, -2.0) + random.normal(0, 1.6, 100)
        faint = {str(number): random.normal(0, 10.0**-number, 100) for number in (1, 2, 3, 4)}
        assert "strong" in Stacking.fit({"strong": strong, **faint}, fake).weights


def test_weights_are_positive_where_plain_logistic_regression_would_subtract() -> None:
    """The second classifier is the first one's noise: subtracting it would pay, on these reviews."""
    fake = RANDOM.random(400) < 0.5
    noise = RANDOM.normal(0, 2, 400)
    stacking = Stacking.fit({"noisy": np.where(fake, 1.0, -1.0) + noise, "noise": noise}, fake)
    assert set(stacking.weights) == {"noisy"}
    assert stacking.weights["noisy"] > 0


def test_classes_that_a_classifier_separates_leave_the_weights_finite() -> None:
    fake = np.arange(200) % 2 == 0
    stacking = Stacking.fit({"perfect": np.where(fake, 3.0, -3.0)}, fake)
    assert 1 < stacking.weights["perfect"] < 3
    # 101 of 102, Platt's target for 100 reviews of a class.
    assert expit(stacking.apply({"perfect": np.array([3.0])}))[0] == pytest.approx(101 / 102, abs=1e-3)


def test_cross_fitted_values_are_of_weights_that_did_not_see_the_review() -> None:
    fake = np.arange(300) % 2 == 0
    guesses = {str(number): RANDOM.normal(size=300) for number in range(150)}
    flattered = Stacking.fit(guesses, fake).apply(guesses)
    assert roc_auc_score(fake, flattered) > 0.7
    assert roc_auc_score(fake, cross_fitted(guesses, fake)) == pytest.approx(0.5, abs=0.1)


def test_cross_fitting_takes_as_many_folds_as_the_rarer_class_fills() -> None:
    fake = np.array([True, True, *[False] * 20])
    values = {"one": np.where(fake, 1.0, -1.0)}
    assert (cross_fitted(values, fake) > cross_fitted(values, fake)[~fake].max()).sum() == 2
    with pytest.raises(DataError, match="two fake and two genuine"):
        cross_fitted(values, np.arange(22) == 0)


def test_a_fold_in_which_nothing_tells_gets_the_share_of_fakes() -> None:
    fake = np.arange(40) % 4 == 0
    backwards = {"backwards": np.where(fake, -1.0, 1.0)}
    assert cross_fitted(backwards, fake) == pytest.approx(np.log(1 / 3), abs=0.15)


def test_params_show_the_weights_and_give_the_stacking_back(judged) -> None:
    stacking = Stacking.fit(*judged)
    assert list(stacking.params) == ["words", "sense", "intercept"]
    assert Stacking.from_params(stacking.params) == stacking
    for damaged in (
        {"words": 1.0},
        {"intercept": 0.0},
        {"words": "much", "intercept": 0.0},
        {"words": -1.0, "intercept": 0.0},
        {"words": 0.0, "intercept": 0.0},
    ):
        with pytest.raises(ValidationError):
            Stacking.from_params(damaged)


@pytest.mark.parametrize(
    ("log_odds", "fake", "reason"),
    [
        ({}, [0, 1], "at least one classifier"),
        ({"a": [1.0]}, [0, 1], r"a must have one value a review, \(2,\), but its shape is \(1,\)"),
        ({"a": [1.0, np.nan]}, [0, 1], "a has others"),
        ({"a": [1.0, 2.0]}, [1, 1], "all 2 are fake"),
        ({"a": []}, [], "at least one label"),
    ],
)
def test_what_cannot_be_stacked_is_refused(log_odds, fake, reason) -> None:
    with pytest.raises(DataError, match=reason):
        Stacking.fit(log_odds, fake)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_fit_minimises_platts_objective_where_no_weight_is_negative(share: float) -> None:
    """Each class has a target of its own, which few and uneven reviews tell apart."""
    random = np.random.default_rng(5)
    fake = np.arange(60) < 60 * share
    log_odds = {"one": np.where(fake, 1.0, -1.0) + random.normal(0, 1.5, 60), "other": random.normal(0, 2, 60) + fake}
    fakes, table = fake.sum(), np.column_stack(list(log_odds.values()))
    target = np.where(fake, (fakes + 1) / (fakes + 2), 1 / (60 - fakes + 2))

    def loss(point: NDArray[np.float64]) -> float:
        odds = table @ point[:2] + point[2]
        return float(np.sum(np.logaddexp(0, odds) - target * odds))

    best = minimize(loss, [1.0, 1.0, 0.0], bounds=[(0, None), (0, None), (None, None)], tol=1e-12).x
    assert (best[:2] > 0).all()
    stacking = Stacking.fit(log_odds, fake)
    assert [*stacking.weights.values(), stacking.intercept] == pytest.approx(best, abs=1e-3)


def test_four_digits_count() -> None:
    """Of each weight, whatever its size, and after the point of the intercept."""
    random = np.random.default_rng(6)
    fitted = []
    for _ in range(4):
        fake = random.random(300) < 0.4
        large, small = (1e3 * (random.normal(0, 2, 300) + fake), random.normal(0, 2, 300) + fake)
        fitted.append(Stacking.fit({"large": large, "small": small}, fake))
    weights = [weight for stacking in fitted for weight in stacking.weights.values()]
    assert weights == [float(f"{weight:.3e}") for weight in weights]
    assert weights != [float(f"{weight:.2e}") for weight in weights]
    intercepts = [stacking.intercept for stacking in fitted]
    assert intercepts == [round(intercept, 4) for intercept in intercepts]
    assert intercepts != [round(intercept, 3) for intercept in intercepts]


@pytest.mark.parametrize(
    "damaged",
    [
        {"weights": {}, "intercept": 0.0},
        {"weights": {"a": 1.0}, "intercept": np.inf},
        {"weights": {"a": np.nan}, "intercept": 0.0},
        {"weights": {"a": 1.0}, "intercept": 0.0, "bias": 1.0},
    ],
)
def test_a_stacking_that_is_none_is_refused(damaged) -> None:
    with pytest.raises(ValidationError):
        Stacking.model_validate(damaged)


def test_a_stacking_stays_as_it_was_fitted(judged) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Stacking.fit(*judged).intercept = 0.0
