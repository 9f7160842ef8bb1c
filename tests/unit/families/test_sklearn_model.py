from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from reviewtune.errors import ArtifactError
from reviewtune.families.sklearn_model import MODEL_FILE, SklearnModel, load_pipeline

STEPS = [StandardScaler, (LogisticRegression, SVC)]


def fitted(*steps: object) -> Pipeline:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    return Pipeline([(type(step).__name__, step) for step in steps]).fit(rows, rows[:, 0] > 0)


@pytest.mark.parametrize("classifier", [LogisticRegression(), SVC()])
def test_a_pipeline_of_the_expected_steps_loads(tmp_path: Path, classifier: object) -> None:
    model = SklearnModel(fitted(StandardScaler(), classifier))
    model.save(tmp_path)
    rows = np.ones((2, 3))
    np.testing.assert_array_equal(SklearnModel(load_pipeline(tmp_path, STEPS)).scores(rows), model.scores(rows))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (fitted(LogisticRegression()), "not of LogisticRegression"),
        (fitted(MinMaxScaler(), LogisticRegression()), "not of MinMaxScaler, LogisticRegression"),
        (LogisticRegression(), "not of LogisticRegression"),
        ({"steps": []}, "not of dict"),
        (Pipeline([("a", StandardScaler()), ("b", SVC())]), "is not fitted yet"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: object, words: str) -> None:
    skops.io.dump(content, tmp_path / MODEL_FILE)
    with pytest.raises(ArtifactError, match=words) as refusal:
        load_pipeline(tmp_path, STEPS)
    assert "\n" not in str(refusal.value)


def test_a_type_that_is_not_trusted_is_never_built(tmp_path: Path) -> None:
    skops.io.dump({"path": pytest.fail}, tmp_path / MODEL_FILE)
    with pytest.raises(ArtifactError, match="Untrusted types"):
        load_pipeline(tmp_path, STEPS)
