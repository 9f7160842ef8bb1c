import numpy as np
import pytest
from sklearn.metrics import f1_score

from reviewtune.errors import DataError, UsageError
from reviewtune.evaluation.comparison import compare
from reviewtune.evaluation.gain import gain_over_default
from reviewtune.evaluation.metrics import validation_scores
from reviewtune.evaluation.threshold import labels_of

FAKE = np.arange(1000) % 2 == 0


def scores(seed, apart=2.0, fake=FAKE):
    return np.random.default_rng(seed).normal(size=len(fake)) + apart * fake


def test_the_gain_is_the_difference_of_what_selects():
    default, other = scores(0), scores(1, apart=3.0)
    found = gain_over_default(FAKE, default, {"other": other}, "other")
    expected = validation_scores(FAKE, other)["f1"] - validation_scores(FAKE, default)["f1"]
    assert found.difference == pytest.approx(expected)
    assert found.ahead


def test_the_best_of_several_needs_more_to_be_believed_than_one_alone():
    default, candidates = scores(0), {str(seed): scores(seed) for seed in range(1, 9)}
    best = max(candidates, key=lambda name: f1_score(FAKE, labels_of(FAKE, candidates[name])))
    honest = gain_over_default(FAKE, default, candidates, best)
    alone = compare(FAKE, labels_of(FAKE, default), {best: labels_of(FAKE, candidates[best])})[best]
    assert honest.difference == alone.difference
    assert honest.low < alone.low < alone.high < honest.high


def test_the_default_itself_has_gained_nothing():
    default = scores(0)
    found = gain_over_default(FAKE, default, {"default": default, "other": scores(1)}, "default")
    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_where_nothing_is_to_be_gained_the_interval_of_the_best_of_four_holds_nothing():
    """One in twenty may not; of thirty studies six or more are that only once in three hundred such tests."""
    wrong = luck = 0
    fake = np.arange(300) % 2 == 0
    for study in range(30):
        seed = 10 * study
        default, candidates = scores(seed, fake=fake), {str(n): scores(seed + n, fake=fake) for n in range(1, 5)}
        best = max(candidates, key=lambda name: f1_score(fake, labels_of(fake, candidates[name])))
        found = gain_over_default(fake, default, candidates, best)
        wrong += not found.low <= 0 <= found.high
        luck += found.difference > 0
    assert wrong < 6
    assert luck > 18


def test_related_reviews_gain_less():
    fake, units = FAKE[:200].repeat(5), np.arange(200).repeat(5)
    default, other = scores(0)[:200].repeat(5), scores(1, apart=3.0)[:200].repeat(5)
    apart = gain_over_default(fake, default, {"other": other}, "other")
    together = gain_over_default(fake, default, {"other": other}, "other", units=units)
    assert together.low < apart.low < apart.high < together.high


def test_what_cannot_be_a_gain_is_refused():
    with pytest.raises(UsageError, match="one of the candidates, a: not b"):
        gain_over_default(FAKE, scores(0), {"a": scores(1)}, "b")
    with pytest.raises(DataError, match="has nan"):
        gain_over_default(FAKE, scores(0) * np.nan, {"a": scores(1)}, "a")
