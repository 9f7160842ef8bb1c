"""A support vector machine with an RBF kernel on frozen embeddings.

Shape letter: `D` embedding width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution
from pydantic import Field
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reviewtune.errors import ArtifactError
from reviewtune.families.base import Epoch, Inputs, Rows, Setting
from reviewtune.families.sklearn_model import SklearnModel, load_pipeline
from reviewtune.families.space import Params

ClassWeight = Literal["none", "balanced"]

KERNEL_CACHE_MIB = 500
"""Kernel rows kept while fitting: scikit-learn's 200 holds 1,700 rows of 29,000 reviews."""


class SvmParams(Params):
    """Configuration of an RBF SVM trial."""

    C: Annotated[float, FloatDistribution(1e-1, 1e2, log=True)] = Field(3.0, gt=0)
    """Inverse strength of the penalty, on standardised embeddings."""
    gamma_scale: Annotated[float, FloatDistribution(3e-2, 3.0, log=True)] = Field(1.0, gt=0)
    """The kernel's gamma, times 1 / D: 1 is scikit-learn's `scale`."""
    class_weight: Annotated[ClassWeight, CategoricalDistribution(["none", "balanced"])] = "none"
    """`balanced` lets both classes weigh the same, however many reviews each has."""


@dataclass(frozen=True)
class FastSvmModel(SklearnModel):
    """A pipeline with scikit-learn-intelex's SVC, which skops cannot save."""

    def save(self, folder: Path) -> None:
        """Refused.

        Raises:
            ArtifactError: Always.
        """
        raise ArtifactError(
            f"{folder}: an SVM of scikit-learn-intelex is never saved: fit the same params with Setting(fast=False)"
        )


class SvmFamily:
    """Standardised embeddings and an RBF SVM."""

    name = "svm"
    inputs: Inputs = "embeddings"
    params = SvmParams
    trains_in_epochs = False

    def fit(self, params: SvmParams, train: Rows, setting: Setting) -> Iterator[Epoch]:
        """Fit once; with `setting.fast`, by scikit-learn-intelex where it is installed."""
        fast = setting.fast and fast_svc_installed()
        classifier = (_fast_svc() if fast else SVC)(
            C=params.C,
            gamma=params.gamma_scale / train.inputs.shape[1],
            class_weight=None if params.class_weight == "none" else params.class_weight,
            cache_size=KERNEL_CACHE_MIB,
        )
        pipeline = Pipeline([("scaler", StandardScaler()), ("classifier", classifier)])
        pipeline.fit(train.inputs, train.fake.astype(np.int64))
        model = FastSvmModel(pipeline) if fast else SklearnModel(pipeline)
        yield Epoch(number=1, total=1, model=model)

    def load(self, folder: Path) -> SklearnModel:
        """The model in `model.skops`."""
        return SklearnModel(load_pipeline(folder, [StandardScaler, SVC]))


def fast_svc_installed() -> bool:
    """Whether `setting.fast` changes anything here."""
    return find_spec("sklearnex") is not None


def _fast_svc() -> type[Any]:
    from sklearnex import svm

    fast: type[Any] = svm.SVC
    return fast
