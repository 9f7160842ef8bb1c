from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reviewtune.errors import ArtifactError
from reviewtune.families import svm
from reviewtune.families.base import Model, Rows, Setting
from reviewtune.families.svm import SvmFamily, SvmParams


@pytest.fixture
def rows() -> Rows:
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(120, 6)).astype(np.float32) * 3 + 1
    inputs.flags.writeable = False
    return Rows(inputs, np.linalg.norm(inputs - 1, axis=1) > 7)


def fit(rows: Rows, *, fast: bool = False, **params: object) -> Model:
    (epoch,) = SvmFamily().fit(SvmParams(**params), rows, Setting(fast=fast))
    return epoch.model


def test_a_gamma_scale_of_one_is_scikit_learns_scale(rows: Rows) -> None:
    reference = make_pipeline(StandardScaler(), SVC(C=2.0, gamma="scale")).fit(rows.inputs, rows.fake)
    expected = reference.decision_function(rows.inputs)
    np.testing.assert_allclose(fit(rows, C=2.0, gamma_scale=1.0).scores(rows.inputs), expected, rtol=1e-3, atol=1e-3)


def test_it_learns_what_no_plane_separates(rows: Rows) -> None:
    assert ((fit(rows).scores(rows.inputs) > 0) == rows.fake).mean() > 0.9


def test_balanced_classes_call_more_of_a_rare_class(rows: Rows) -> None:
    rare = Rows(rows.inputs, np.linalg.norm(rows.inputs - 1, axis=1) > 9)
    none, balanced = (fit(rare, C=0.1, class_weight=weight).scores(rare.inputs) for weight in ("none", "balanced"))
    assert (balanced > 0).sum() > (none > 0).sum()


def test_the_fast_estimator_agrees_with_the_stock_one(rows: Rows) -> None:
    pytest.importorskip("sklearnex", reason="needs scikit-learn-intelex: pip install 'reviewtune[fast]'")
    stock, fast = fit(rows), fit(rows, fast=True)
    assert type(fast.pipeline[-1]) is not SVC
    np.testing.assert_allclose(fast.scores(rows.inputs), stock.scores(rows.inputs), atol=1e-2)


def test_the_fast_estimator_agrees_on_rows_that_it_was_not_fitted_on() -> None:
    pytest.importorskip("sklearnex", reason="needs scikit-learn-intelex: pip install 'reviewtune[fast]'")
    rng = np.random.default_rng(5)
    # Labels without a pattern: every row becomes a support vector, two more than fill blocks of 256.
    train, others = Rows(rng.normal(size=(514, 384)), rng.random(514) > 0.5), rng.normal(size=(80, 384))
    stock, fast = fit(train), fit(train, fast=True)
    assert len(fast.pipeline[-1].support_) == 514
    np.testing.assert_allclose(fast.scores(others), stock.scores(others), atol=5e-3)
    assert fast.scores(others[:0]).shape == (0,)


def test_the_fast_estimator_is_never_saved(rows: Rows, tmp_path: Path) -> None:
    pytest.importorskip("sklearnex", reason="needs scikit-learn-intelex: pip install 'reviewtune[fast]'")
    with pytest.raises(ArtifactError, match=r"never saved: fit the same params with Setting\(fast=False\)"):
        fit(rows, fast=True).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_where_the_fast_estimator_is_missing_the_stock_one_is_used(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(svm, "find_spec", lambda name: None)
    model = fit(rows, fast=True)
    assert type(model.pipeline[-1]) is SVC
    model.save(tmp_path)
    np.testing.assert_array_equal(SvmFamily().load(tmp_path).scores(rows.inputs), model.scores(rows.inputs))
