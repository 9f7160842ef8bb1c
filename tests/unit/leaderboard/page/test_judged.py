from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.thresholds import ThresholdCounts
from reviewtune.leaderboard.page.judged import Judged, curves, histogram, read_judged, reliability


def judged(n=2000, seed=0, threshold=0.43, units=None):
    rng = np.random.default_rng(seed)
    fake = rng.random(n) < 0.3
    probability = np.clip(rng.normal(np.where(fake, 0.7, 0.3), 0.2), 0, 1).round(4)
    ids = np.array([f"r{number}" for number in range(n)])
    return Judged(ids, fake, probability > threshold, probability, units)


def test_thinned_curves_keep_exact_counts_and_the_points_that_are_marked(entries):
    told = judged()
    found = curves(told, entries("svm"), None, points=80)
    assert len(found["threshold"]) <= 120
    for threshold, hits, alarms in zip(found["threshold"], found["found"], found["alarms"], strict=True):
        if 0 < threshold < 1:
            called = told.probability > threshold
            assert (hits, alarms) == (np.sum(called & told.fake), np.sum(called & ~told.fake))
    own = found["own"]
    assert found["found"][own] == np.sum(told.predicted & told.fake)
    assert found["alarms"][own] == np.sum(told.predicted & ~told.fake)
    for limit in found["limits"]:
        assert found["alarms"][limit["at"]] <= limit["fpr"] * found["genuine"]
    assert (found["found"][0], found["alarms"][0]) == (0, 0)
    assert (found["found"][-1], found["alarms"][-1]) == (found["fakes"], found["genuine"])


def test_the_cheapest_of_the_kept_ways_is_the_cheapest_of_all(entries):
    told = judged(20_000)
    found = curves(told, entries("svm"), None, points=80)
    whole = ThresholdCounts.of(told.fake, told.probability)
    for alarm, miss in [(1, 1), (1, 30), (30, 1), (100, 1)]:
        costs = [
            np.min(alarm * np.asarray(alarms) - miss * np.asarray(hits))
            for hits, alarms in ((found["found"], found["alarms"]), (whole.found, whole.false_alarms))
        ]
        assert costs[0] == costs[1]


def test_a_threshold_has_the_digits_that_it_takes(entries):
    rng = np.random.default_rng(1)
    fake = rng.random(3000) < 0.3
    probability = 1 / (1 + np.exp(-rng.normal(np.where(fake, 14, -14), 6)))
    told = Judged(fake.astype(str), fake, probability > 0.5, probability, None)
    found = curves(told, entries("svm"), None)
    for threshold, *counted in list(zip(found["threshold"], found["found"], found["alarms"], strict=True))[:-1]:
        called = probability > threshold
        assert counted == [np.sum(called & fake), np.sum(called & ~fake)]
    assert min(len(str(threshold)) for threshold in found["threshold"][1:-1]) <= 8


def test_the_area_under_the_thinned_curve_is_that_of_the_whole(entries):
    from sklearn.metrics import roc_auc_score

    told = judged()
    found = curves(told, entries("svm"), None, points=80)
    area = np.trapezoid(np.array(found["found"]) / found["fakes"], np.array(found["alarms"]) / found["genuine"])
    assert area == pytest.approx(roc_auc_score(told.fake, told.probability), abs=0.002)


def test_the_artifacts_threshold_stands_at_the_entrys_own_place_where_it_fits(entries):
    told = judged()
    assert curves(told, entries("svm"), 0.43)["threshold"][curves(told, entries("svm"), 0.43)["own"]] == 0.43
    elsewhere = curves(told, entries("svm"), 0.9)
    assert elsewhere["threshold"][elsewhere["own"]] == pytest.approx(0.43, abs=0.01)


def test_bins_and_histogram_count_every_review():
    told = judged()
    assert sum(reliability(told, None)["count"]) == len(told.fake)
    counted = histogram(told)
    assert (sum(counted["fake"]), sum(counted["genuine"])) == (told.fake.sum(), (~told.fake).sum())


def test_bins_are_computed_by_hand():
    fake = np.array([True, False, True, True])
    told = Judged(np.arange(4).astype(str), fake, fake, np.array([0.1, 0.1, 0.95, 1.0]), None)
    found = reliability(told, None, bins=2)
    assert (found["count"], found["said"], found["fake"]) == ([2, 2], [0.1, 0.975], [0.5, 1.0])
    # Wilson's of 1 of 2 and of 2 of 2.
    assert (found["low"], found["high"]) == ([0.0945, 0.3424], [0.9055, 1.0])


def test_reliability_is_that_of_the_share_of_fakes_that_was_asked():
    told = judged(20_000)
    odds = told.probability / (1 - np.minimum(told.probability, 0.9999)) * (0.05 / 0.95) / (0.3 / 0.7)
    corrected = Judged(told.ids, told.fake, told.predicted, odds / (1 + odds), None)
    plain, weighed = (reliability(corrected, share) for share in (None, 0.05))
    gap = [np.average(np.abs(np.subtract(one["fake"], one["said"])), weights=one["count"]) for one in (plain, weighed)]
    assert gap[1] < gap[0]


def test_an_interval_of_another_share_is_that_of_the_reviews_that_were_drawn():
    fake = np.arange(100) < 50
    told = Judged(fake.astype(str), fake, fake, np.full(100, 0.04), None)
    (plain, weighed) = (reliability(told, share) for share in (None, 0.05))
    assert weighed["fake"] == [0.05]
    for end in ("low", "high"):
        odds = plain[end][0] / (1 - plain[end][0]) * 0.05 / 0.95
        assert weighed[end][0] == pytest.approx(odds / (1 + odds), abs=1e-3)
    assert weighed["low"][0] < 0.05 < weighed["high"][0]


def test_copies_count_once_in_the_interval_of_a_reliability():
    single, units = judged(400), np.repeat(np.arange(400), 5)
    columns = (single.ids, single.fake, single.predicted, single.probability)
    copies = Judged(*(np.repeat(column, 5) for column in columns), units)
    found, told = reliability(single, None), reliability(copies, None)
    for name in ("said", "fake", "low", "high"):
        assert told[name] == pytest.approx(found[name], abs=2e-4)


def test_the_interval_of_a_reliability_holds_where_reviews_are_related():
    rng, held = np.random.default_rng(0), {"related": [], "alone": []}
    units = np.repeat(np.arange(400), 5)
    for _ in range(100):
        # Calibrated, in units of one hardness: of the reviews of a unit most have one label.
        probability = rng.random(400)[units]
        fake = np.where(rng.random(2000) < 0.8, rng.random(400)[units], rng.random(2000)) < probability
        drawn = Judged(units.astype(str), fake, fake, probability, units)
        for name, told in (("related", drawn), ("alone", replace(drawn, units=None))):
            found = reliability(told, None, bins=5)
            true = (np.arange(5) + 0.5) / 5
            held[name] += ((np.array(found["low"]) <= true) & (true <= found["high"])).tolist()
    assert np.mean(held["related"]) == pytest.approx(0.95, abs=0.03)
    assert np.mean(held["alone"]) < 0.8


def test_predictions_of_one_class_are_not_drawn_and_damaged_ones_are_said(tmp_path):
    path = tmp_path / "predictions.parquet"
    assert read_judged(path) is None
    rows = {"id": ["a", "b"], "fake": [True, True], "fake_probability": [0.5, 0.6], "predicted": [True, False]}
    pd.DataFrame(rows).to_parquet(path)
    assert read_judged(path) is None
    path.write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match="is drawn nowhere"):
        read_judged(path)
