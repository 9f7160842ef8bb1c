from collections import Counter

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.special import expit

from reviewtune.errors import DataError
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.choice import Calibration, choose_calibration
from reviewtune.evaluation.isotonic_calibration import IsotonicCalibration
from reviewtune.evaluation.metrics import expected_calibration_error
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.evaluation.threshold import f1_threshold

KINDS = (PlattCalibration, BetaCalibration, IsotonicCalibration)


def gaussian(size, seed):
    random = np.random.default_rng(seed)
    fake = random.uniform(size=size) < 0.5
    return random.normal(size=size) + 2.5 * fake, fake


def saturated(size, seed):
    """Scores that a diverging network squeezes to both ends, where they tell little more."""
    random = np.random.default_rng(seed)
    fake = random.uniform(size=size) < 0.5
    score = 6 * np.tanh(1.5 * (1.2 * random.normal(size=size) + 3 * (fake - 0.5)))
    return score + 0.15 * random.normal(size=size), fake


def log_loss(calibration, scores, fake):
    odds = calibration.log_odds(scores)
    return np.logaddexp(0, np.where(fake, -odds, odds)).mean()


def test_scores_that_follow_a_sigmoid_keep_platts():
    kinds = Counter(choose_calibration(*gaussian(600, seed)).kind for seed in range(20))
    assert kinds["platt"] >= 18


def test_scores_that_saturate_get_one_that_is_better_on_reviews_to_come():
    scores, fake = saturated(5000, 1)
    chosen, platt = choose_calibration(scores, fake), PlattCalibration.fit(scores, fake)
    assert chosen.kind == "isotonic"
    to_come = saturated(20_000, 2)
    assert log_loss(chosen, *to_come) < log_loss(platt, *to_come) - 0.01
    error, before = (expected_calibration_error(to_come[1], each.apply(to_come[0])) for each in (chosen, platt))
    assert error < 0.02 < 0.04 < before


def test_where_one_side_is_steeper_beta_follows_it():
    random = np.random.default_rng(3)
    scores = random.normal(size=20_000) * 3
    fake = random.uniform(size=20_000) < expit(np.where(scores > 0, 0.4, 2.0) * scores)
    beta = BetaCalibration.fit(scores, fake)
    below, above = np.diff(beta.log_odds([-4.0, -3.0, 3.0, 4.0]))[[0, 2]]
    assert below > 1.4 > 0.6 > above > 0
    losses = [log_loss(kind.fit(scores, fake), scores, fake) for kind in KINDS[:2]]
    assert losses[1] < losses[0] - 0.005
    assert choose_calibration(scores, fake).kind != "platt"


def test_related_reviews_count_as_one_when_calibrations_are_compared():
    for seed in (2, 7, 8, 10):
        scores, fake = saturated(200, seed)
        assert choose_calibration(scores, fake).kind == "platt"
        copies = scores.repeat(20), fake.repeat(20)
        assert choose_calibration(*copies).kind == "isotonic"
        assert choose_calibration(*copies, units=np.arange(200).repeat(20)).kind == "platt"


def test_few_or_strange_scores_keep_platts():
    scores, fake = saturated(5000, 1)
    for few in (2, 8):
        rows = np.concatenate([np.flatnonzero(fake)[:few], np.flatnonzero(~fake)[:4]])
        assert choose_calibration(scores[rows], fake[rows]) == PlattCalibration.fit(scores[rows], fake[rows])
    for scale in (1e-9, 1e7):
        assert choose_calibration(scores * scale, fake).kind == "platt"
    assert choose_calibration(np.zeros(5000), fake).kind == "platt"
    with pytest.raises(DataError, match="row 0 has nan"):
        choose_calibration([np.nan, 1.0], [True, False])


def test_an_isotonic_calibration_runs_through_the_centres_of_its_blocks():
    # Labels 0 1 0 1: targets 1/4, 3/4, 1/4, 3/4, of which the middle two are one block of 1/2.
    calibration = IsotonicCalibration.fit([1.0, 2.0, 4.0, 8.0], [False, True, False, True])
    assert calibration.scores == (1.0, 3.0, 8.0)
    assert calibration.apply([1.0, 3.0, 8.0]) == pytest.approx([0.25, 0.5, 0.75])
    assert calibration.log_odds([2.0]) == pytest.approx(-np.log(3) / 2)
    assert calibration.apply([-100.0, 100.0]) == pytest.approx([0.25, 0.75], abs=1e-3)


def test_equal_scores_have_one_probability_and_constant_ones_the_share_of_fakes():
    fake = np.arange(1000) < 300
    for kind in (BetaCalibration, IsotonicCalibration):
        assert kind.fit(np.full(1000, 2.5), fake).apply([2.5]) == pytest.approx(0.3, abs=0.003)
    tied = IsotonicCalibration.fit([0.0, 0.0, 1.0, 1.0], [True, False, True, True])
    assert tied.apply([0.0]) == pytest.approx((0.8 + 1 / 3) / 2)


finite = st.floats(-1e6, 1e6)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(KINDS),
    npst.arrays(np.float64, st.integers(2, 40), elements=finite),
    st.randoms(use_true_random=False),
    finite,
)
def test_the_order_of_the_scores_survives_and_what_is_called_fake_scores_above_some_score(
    kind, scores, random, another
):
    fake = np.array([random.random() < 0.5 for _ in scores])
    assume(fake.any() and not fake.all())
    calibration = kind.fit(scores, fake)
    values = np.sort(np.append(scores, [another, 0.0, np.inf, -np.inf]))
    probability = calibration.apply(values)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert (np.diff(probability) >= 0).all()
    called = probability > f1_threshold(calibration.apply(scores))
    assert (np.diff(called.astype(int)) >= 0).all()
    assert TypeAdapter(Calibration).validate_json(calibration.model_dump_json()) == calibration


@pytest.mark.parametrize("kind", KINDS)
def test_scores_that_differ_keep_log_odds_that_differ(kind):
    scores, fake = gaussian(500, 7)
    calibration = kind.fit(scores, fake)
    assert (np.diff(calibration.log_odds(np.sort(np.append(scores, [-50.0, 50.0])))) > 0).all()
    wrong_way = kind.fit(-scores, fake)
    assert (np.diff(wrong_way.log_odds(np.linspace(-3, 3, 50))) > 0).all()


def test_the_threshold_is_that_of_the_chosen_calibration():
    scores, fake = saturated(5000, 1)
    point = calibrated(scores, fake)
    assert point.calibration == choose_calibration(scores, fake)
    assert point.threshold == f1_threshold(point.calibration.apply(scores))
    units = np.arange(5000) // 100
    assert calibrated(scores, fake, units).calibration == choose_calibration(scores, fake, units=units)


def test_what_is_stored_without_a_kind_is_platts_and_an_unknown_kind_is_refused():
    read = TypeAdapter(Calibration).validate_python
    assert read({"slope": 1.0, "intercept": 0.0}) == PlattCalibration(slope=1.0, intercept=0.0)
    with pytest.raises(ValidationError, match="cubic"):
        read({"kind": "cubic", "slope": 1.0, "intercept": 0.0})
    with pytest.raises(ValidationError, match="rise from knot to knot"):
        read({"kind": "isotonic", "scores": [0.0, 0.0], "values": [0.0, 1.0], "tail": 1e-6})


def test_steps_of_the_score_count_alike_where_it_is_level() -> None:
    level = IsotonicCalibration(scores=(0.0, 1.0, 2.0), values=(-1.0, 0.0, 3.0), tail=1e-6)
    np.testing.assert_allclose(level.even_log_odds(np.array([-1.0, 0.0, 1.0, 2.0, 5.0])), [-3, -1, 1, 3, 9])
    single = IsotonicCalibration(scores=(0.0,), values=(1.0,), tail=0.5)
    np.testing.assert_array_equal(single.even_log_odds(np.array([2.0])), single.log_odds([2.0]))
    line = PlattCalibration(slope=2.0, intercept=1.0)
    np.testing.assert_array_equal(line.even_log_odds(np.array([2.0])), [5.0])
