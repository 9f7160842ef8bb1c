import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pydantic import ValidationError
from scipy.optimize import minimize
from scipy.special import expit

from reviewtune.errors import DataError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.metrics import expected_calibration_error


def sample(slope, intercept, size=4000, seed=0):
    random = np.random.default_rng(seed)
    scores = random.normal(size=size)
    return scores, random.uniform(size=size) < expit(slope * scores + intercept)


def test_the_sigmoid_the_labels_were_drawn_from_is_found():
    calibration = PlattCalibration.fit(*sample(2.0, -0.5, size=50_000))
    assert calibration.slope == pytest.approx(2.0, abs=0.1)
    assert calibration.intercept == pytest.approx(-0.5, abs=0.1)


def test_the_fit_minimises_platts_objective():
    scores, fake = sample(1.5, 0.7, size=300)
    fakes = fake.sum()
    target = np.where(fake, (fakes + 1) / (fakes + 2), 1 / (len(fake) - fakes + 2))

    def loss(line):
        height = line[0] * scores + line[1]
        return np.sum(np.logaddexp(0, height) - target * height)

    best = minimize(loss, [1.0, 0.0], tol=1e-10)
    calibration = PlattCalibration.fit(scores, fake)
    assert [calibration.slope, calibration.intercept] == pytest.approx(best.x, abs=1e-4)


def test_overconfident_scores_become_honest_probabilities():
    scores, fake = sample(1.0, 0.0, size=20_000)
    calibration = PlattCalibration.fit(scores * 8, fake)
    assert expected_calibration_error(fake, expit(scores * 8)) > 0.15
    assert expected_calibration_error(fake, calibration.apply(scores * 8)) < 0.02


@pytest.mark.parametrize("scale", [1e-300, 1e-6, 1e6, 1e300])
def test_the_scale_of_the_scores_changes_no_probability(scale):
    scores, fake = sample(1.5, 0.3)
    expected = PlattCalibration.fit(scores, fake).apply(scores)
    np.testing.assert_allclose(PlattCalibration.fit(scores * scale, fake).apply(scores * scale), expected, atol=1e-6)


def test_separated_scores_keep_finite_probabilities_next_to_platts_targets():
    fake = np.repeat([True, False], 10)
    calibration = PlattCalibration.fit(np.where(fake, 3.0, -3.0), fake)
    assert calibration.apply([3.0, -3.0]) == pytest.approx([11 / 12, 1 / 12], abs=1e-6)


@pytest.mark.parametrize("value", [0.0, -7.5, 1e200])
def test_constant_scores_give_the_share_of_fakes(value):
    fake = np.arange(1000) < 300
    calibration = PlattCalibration.fit(np.full(1000, value), fake)
    assert calibration.slope > 0
    assert calibration.apply([value])[0] == pytest.approx(0.3, abs=0.002)


def test_scores_that_run_the_wrong_way_give_the_share_of_fakes_in_the_scores_order():
    scores, fake = sample(2.0, 0.0)
    calibration = PlattCalibration.fit(-scores, fake)
    probability = calibration.apply(np.sort(scores))
    np.testing.assert_allclose(probability, fake.mean(), atol=0.001)
    assert (np.diff(probability) >= 0).all()
    assert probability[-1] > probability[0]


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60)
@given(npst.arrays(np.float64, st.integers(2, 30), elements=finite), st.randoms(use_true_random=False), finite)
def test_the_order_survives_calibration_whatever_the_scores(scores, random, another):
    fake = np.array([random.random() < 0.5 for _ in scores])
    assume(fake.any() and not fake.all())
    calibration = PlattCalibration.fit(scores, fake)
    values = np.sort(np.append(scores, [another, 0.0, 5e-324, -5e-324]))
    probability = calibration.apply(values)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability) >= 0).all()


def test_a_calibration_survives_json_and_refuses_a_falling_sigmoid():
    calibration = PlattCalibration.fit(*sample(1.5, 0.3))
    assert PlattCalibration.model_validate_json(calibration.model_dump_json()) == calibration
    with pytest.raises(ValidationError):
        PlattCalibration(slope=-1.0, intercept=0.0)


@pytest.mark.parametrize(
    ("scores", "fake", "message"),
    [
        ([], [], "at least one label"),
        ([1.0], [True, False], "one value a review"),
        ([1.0, 2.0], [True, True], "all 2 are fake"),
        ([1.0, np.nan], [True, False], "row 1 has nan"),
        ([np.inf, 1.0], [True, False], "row 0 has inf"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(scores, fake, message):
    with pytest.raises(DataError, match=message):
        PlattCalibration.fit(scores, fake)


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(DataError, match="row 1 is NaN"):
        PlattCalibration(slope=1.0, intercept=0.0).apply([0.0, np.nan])


@pytest.mark.parametrize(
    "damaged",
    [
        {"slope": 0.0, "intercept": 0.0},
        {"slope": np.inf, "intercept": 0.0},
        {"slope": 1.0, "intercept": np.nan},
        {"slope": 1.0, "intercept": 0.0, "bias": 1.0},
        {"slope": 1.0},
    ],
)
def test_a_calibration_that_is_none_is_refused(damaged):
    with pytest.raises(ValidationError):
        PlattCalibration.model_validate(damaged)


def test_a_calibration_stays_as_it_was_fitted():
    with pytest.raises(ValidationError, match="frozen"):
        PlattCalibration(slope=1.0, intercept=0.0).slope = 2.0
