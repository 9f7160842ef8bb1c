"""A support vector machine with an RBF kernel on frozen embeddings.

Shape letters: `N` reviews, `D` embedding width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import gen_batches

from reviewtune.errors import ArtifactError
from reviewtune.families.base import Inputs, Leg, Rows, Setting
from reviewtune.families.sklearn_model import SklearnModel, load_pipeline
from reviewtune.families.space import Choice, Floats, Params

ClassWeight = Literal["none", "balanced"]

KERNEL_ROWS = 1024
"""Rows scored at a time: a kernel against 20,000 support vectors then takes 160 MB."""
KERNEL_CACHE_MIB = 500
"""Kernel rows kept while fitting: scikit-learn's 200 holds 1,700 rows of 29,000 reviews."""


class SvmParams(Params):
    """Configuration of an RBF SVM trial."""

    C: Annotated[float, Floats(1e-1, 1e2, log=True)] = Field(3.0, gt=0)
    """Inverse strength of the penalty, on standardised embeddings."""
    gamma_scale: Annotated[float, Floats(3e-2, 3.0, log=True)] = Field(1.0, gt=0)
    """The kernel's gamma, times 1 / D: 1 is scikit-learn's `scale`."""
    class_weight: Annotated[ClassWeight, Choice(["none", "balanced"])] = "none"
    """`balanced` lets both classes weigh the same, however many reviews each has."""


@dataclass(frozen=True)
class FastSvmModel(SklearnModel):
    """A pipeline with scikit-learn-intelex's SVC, which skops cannot save.

    Only its fit is used, whose support vectors agree with scikit-learn's. The `decision_function` of version 2026.2 is
    off by up to 0.8 where they are one to three more than a multiple of 256, and not by the same in every run.
    """

    def scores(self, inputs: Any) -> NDArray[np.float64]:
        """(N,) values of the decision function, from the support vectors: above 0 means fake."""
        if len(inputs) == 0:
            return np.empty(0)
        scaler, classifier = (step for _, step in self.pipeline.steps)
        scores = np.empty(len(inputs))
        for rows in gen_batches(len(inputs), KERNEL_ROWS):
            scaled = scaler.transform(inputs[rows])
            kernel = rbf_kernel(scaled, classifier.support_vectors_, gamma=classifier.gamma)
            scores[rows] = kernel @ classifier.dual_coef_[0] + classifier.intercept_[0]
        return scores

    def save(self, folder: Path) -> None:
        """Refused.

        Raises:
            ArtifactError: Always.
        """
        raise ArtifactError(
            f"{folder}: an SVM of scikit-learn-intelex is never saved: fit the same params with Setting(fast=False)"
        )


class SvmFamily:
    """Standardised embeddings and an RBF SVM.

    Examples:
        >>> from reviewtune.testing.easy_rows import easy_rows
        >>> train, test = (easy_rows("embeddings", 80, seed) for seed in (1, 2))
        >>> (leg,) = SvmFamily().fit(SvmParams(C=1.0), train, Setting())
        >>> scores = leg.model.scores(test.inputs)
        >>> bool(((scores > 0) == test.fake).mean() > 0.95)
        True
        >>> leg.model.save(Path())
        >>> bool((SvmFamily().load(Path()).scores(test.inputs) == scores).all())
        True
    """

    name = "svm"
    inputs: Inputs = "embeddings"
    params = SvmParams
    trains_in_epochs = False

    def fit(self, params: SvmParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit once; with `setting.fast`, by scikit-learn-intelex where it is installed."""
        fast = setting.fast and fast_svc_installed()
        classifier = (_fast_svc() if fast else SVC)(
            C=params.C,
            gamma=params.gamma_scale / train.inputs.shape[1],
            class_weight=None if params.class_weight == "none" else params.class_weight,
            cache_size=KERNEL_CACHE_MIB,
            # Without one it draws a number from numpy's global generator, though nothing here is left to chance.
            random_state=setting.seed,
        )
        pipeline = Pipeline([("scaler", StandardScaler()), ("classifier", classifier)])
        pipeline.fit(train.inputs, train.fake.astype(np.int64))
        model = FastSvmModel(pipeline) if fast else SklearnModel(pipeline)
        yield Leg(number=1, total=1, model=model)

    def load(self, folder: Path) -> SklearnModel:
        """The model in `model.skops`.

        Raises:
            ArtifactError: The file is missing, damaged, or holds anything else.
        """
        return SklearnModel(load_pipeline(folder, [StandardScaler, SVC]))


def fast_svc_installed() -> bool:
    """Whether `setting.fast` changes anything here."""
    return find_spec("sklearnex") is not None


def _fast_svc() -> type[Any]:
    from sklearnex import svm

    fast: type[Any] = svm.SVC
    return fast
