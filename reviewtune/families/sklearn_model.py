"""What the families made of a scikit-learn pipeline share: scores, and a file that holds no pickle.

Shape letter: `N` reviews.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

from reviewtune.errors import ArtifactError
from reviewtune.stored import damage_explained

MODEL_FILE = "model.skops"
MEND = "copy or export the artifact again"
WORDS = "great product"
"""A review, for trying a model."""
TORCH_WRAPPER = "sklearn.externals.array_api_compat.torch"
"""Imports torch, which takes seconds and is no part of what these models need."""

TRUSTED_TYPES = (
    "numpy.float32",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.pipeline.FeatureUnion",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.svm._classes.LinearSVC",
    "sklearn.svm._classes.SVC",
)
"""What a model file may hold besides plain values and arrays, whatever the file itself lists. skops trusts further
estimators of scikit-learn by itself: those are refused by their place in the pipeline, or in a union within it."""


@dataclass(frozen=True)
class SklearnModel:
    """A fitted pipeline whose last step has a decision function.

    Examples:
        >>> from sklearn.linear_model import LogisticRegression
        >>> inputs = np.array([[0.0], [1.0], [3.0], [4.0]], dtype=np.float32)
        >>> model = SklearnModel(Pipeline([("classifier", LogisticRegression())]).fit(inputs, [0, 0, 1, 1]))
        >>> (model.scores(inputs) > 0).tolist()
        [False, False, True, True]
        >>> model.save(Path())
        >>> again = SklearnModel(load_pipeline(Path(), [LogisticRegression]))
        >>> bool((again.scores(inputs) == model.scores(inputs)).all())
        True
    """

    pipeline: Pipeline

    def scores(self, inputs: Any) -> NDArray[np.float64]:
        """(N,) values of the decision function: above 0 means fake."""
        if len(inputs) == 0:
            return np.empty(0)
        return np.asarray(self.pipeline.decision_function(inputs), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write `model.skops`, which plain `skops.io.load` opens as a scikit-learn pipeline."""
        _skops().dump(self.pipeline, folder / MODEL_FILE, compression=ZIP_DEFLATED)


def load_pipeline(
    folder: Path, steps: Sequence[type | tuple[type, ...]], united: type | tuple[type, ...] = ()
) -> Pipeline:
    """The fitted pipeline in a folder's `model.skops`.

    Args:
        folder: Where `SklearnModel.save` wrote.
        steps: The type of each step, or the types that it may have: a file of other steps is refused.
        united: The type, or types, that a `FeatureUnion` among the steps may unite: any other is refused.

    Raises:
        ArtifactError: The file is missing, damaged, or holds anything else.

    Examples:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.svm import SVC
        >>> fitted = Pipeline([("classifier", LogisticRegression())]).fit([[0.0], [1.0]], [0, 1])
        >>> SklearnModel(fitted).save(Path())
        >>> load_pipeline(Path(), [SVC])
        Traceback (most recent call last):
        reviewtune.errors.ArtifactError: model.skops must hold a pipeline of SVC, not of LogisticRegression: ...
    """
    path = folder / MODEL_FILE
    if not path.is_file():
        raise ArtifactError(f"{folder} holds no classifier: {MODEL_FILE} is missing; give the folder of an artifact")
    with damage_explained(ArtifactError, str(path), MEND):
        pipeline = _skops().load(path, trusted=list(TRUSTED_TYPES))
        found = _steps(pipeline)
        parts = [part for step in found if type(step) is FeatureUnion for _, part in step.transformer_list]
    allowed = [_kinds(step) for step in steps]
    if len(found) != len(allowed) or any(type(step) not in kinds for step, kinds in zip(found, allowed, strict=True)):
        wanted = ", ".join(map(_names, allowed))
        raise ArtifactError(
            f"{path} must hold a pipeline of {wanted}, not of {_types(found)}: export the artifact again"
        )
    if any(type(part) not in _kinds(united) for part in parts):
        raise ArtifactError(
            f"{path} must hold a union of {_names(_kinds(united))}, not of {_types(parts)}: export the artifact again"
        )
    _require_scores(path, pipeline, found)
    return pipeline


def _skops() -> Any:
    """`skops.io`, which imports every package of scikit-learn, and with one of them torch: that one is left out."""
    if TORCH_WRAPPER in sys.modules or "torch" in sys.modules:
        return import_module("skops.io")
    # scikit-learn's list of its estimators, which skops asks for, passes over a package that cannot be imported.
    sys.modules[TORCH_WRAPPER] = None  # type: ignore[assignment]
    try:
        return import_module("skops.io")
    finally:
        del sys.modules[TORCH_WRAPPER]


def _steps(pipeline: Any) -> list[Any]:
    return [step for _, step in pipeline.steps] if type(pipeline) is Pipeline else [pipeline]


def _kinds(kind: type | tuple[type, ...]) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _names(kinds: tuple[type, ...]) -> str:
    return "|".join(kind.__name__ for kind in kinds)


def _types(found: Sequence[Any]) -> str:
    return ", ".join(type(step).__name__ for step in found)


def _require_scores(path: Path, pipeline: Pipeline, steps: Sequence[Any]) -> None:
    """Have one review scored, by which a pipeline whose parts do not fit each other is found out before it is used."""
    with damage_explained(ArtifactError, str(path), MEND):
        for step in steps:
            check_is_fitted(step)
        width = getattr(pipeline, "n_features_in_", None)
        review = [WORDS] if width is None else np.zeros((1, width), dtype=np.float32)
        score = np.asarray(pipeline.decision_function(review), dtype=np.float64)
        if score.shape != (1,) or not np.isfinite(score).all():
            raise ValueError(f"a review's score is {score}, not one finite number")
