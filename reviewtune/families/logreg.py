"""Logistic regression on frozen embeddings: the linear probe."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from reviewtune.families.base import Inputs, Leg, Rows, Setting
from reviewtune.families.sklearn_model import SklearnModel, load_pipeline
from reviewtune.families.space import Choice, Floats, Params

ClassWeight = Literal["none", "balanced"]


class LogRegParams(Params):
    """Configuration of a logistic regression trial."""

    C: Annotated[float, Floats(1e-4, 1e1, log=True)] = Field(0.1, gt=0)
    """Inverse strength of the L2 penalty, on standardised embeddings."""
    class_weight: Annotated[ClassWeight, Choice(["none", "balanced"])] = "none"
    """`balanced` lets both classes weigh the same, however many reviews each has."""


class LogRegFamily:
    """Standardised embeddings and an L2-penalised logistic regression.

    Examples:
        >>> from reviewtune.testing.easy_rows import easy_rows
        >>> train, test = (easy_rows("embeddings", 80, seed) for seed in (1, 2))
        >>> (leg,) = LogRegFamily().fit(LogRegParams(), train, Setting())
        >>> scores = leg.model.scores(test.inputs)
        >>> bool(((scores > 0) == test.fake).mean() > 0.95)
        True
        >>> leg.model.save(Path())
        >>> bool((LogRegFamily().load(Path()).scores(test.inputs) == scores).all())
        True
    """

    name = "logreg"
    inputs: Inputs = "embeddings"
    params = LogRegParams
    trains_in_epochs = False

    def fit(self, params: LogRegParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit once."""
        classifier = LogisticRegression(
            C=params.C,
            class_weight=None if params.class_weight == "none" else params.class_weight,
            max_iter=1000,
            random_state=setting.seed,
        )
        pipeline = Pipeline([("scaler", StandardScaler()), ("classifier", classifier)])
        pipeline.fit(train.inputs, train.fake.astype(np.int64))
        yield Leg(number=1, total=1, model=SklearnModel(pipeline))

    def load(self, folder: Path) -> SklearnModel:
        """The model in `model.skops`.

        Raises:
            ArtifactError: The file is missing, damaged, or holds anything else.
        """
        return SklearnModel(load_pipeline(folder, [StandardScaler, LogisticRegression]))
