import warnings

import numpy as np
import pytest

from reviewtune.families.base import Model, Rows, Setting
from reviewtune.families.logreg import LogRegFamily, LogRegParams


@pytest.fixture
def rows() -> Rows:
    rng = np.random.default_rng(3)
    fake = np.arange(60) % 6 == 0
    return Rows((rng.normal(size=(60, 5)) + 0.8 * fake[:, None]).astype(np.float32), fake)


def fit(rows: Rows, **params: object) -> Model:
    (epoch,) = LogRegFamily().fit(LogRegParams(**params), rows, Setting())
    return epoch.model


def test_the_scale_of_the_embeddings_does_not_matter(rows: Rows) -> None:
    scaled = Rows(rows.inputs * 100, rows.fake)
    np.testing.assert_allclose(fit(scaled).scores(scaled.inputs), fit(rows).scores(rows.inputs), rtol=1e-3, atol=1e-3)


def test_a_smaller_c_gives_smaller_scores(rows: Rows) -> None:
    weak, strong = (np.ptp(fit(rows, C=C).scores(rows.inputs)) for C in (1.0, 1e-4))
    assert strong < weak / 10


def test_balanced_classes_call_more_of_a_rare_class(rows: Rows) -> None:
    none, balanced = (fit(rows, class_weight=weight).scores(rows.inputs) for weight in ("none", "balanced"))
    assert (balanced > 0).sum() > (none > 0).sum()


def test_a_fit_warns_of_nothing(rows: Rows) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(rows, class_weight="balanced")
