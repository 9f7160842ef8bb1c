"""A family of one's own: a review is of the class whose mean embedding is nearer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import load_file, save_file

from reviewtune.errors import ArtifactError
from reviewtune.families.base import Inputs, Leg, Rows, Setting
from reviewtune.families.space import Floats, Params
from reviewtune.stored import damage_explained

FILE = "means.safetensors"


class NearestParams(Params):
    """Configuration of a trial. The annotation is the search space, the value the default."""

    shrink: Annotated[float, Floats(0.0, 0.9)] = Field(0.0, ge=0, lt=1)
    """Share by which both means are drawn to the mean of all reviews."""


@dataclass(frozen=True)
class NearestModel:
    """The means of both classes, (2, D): genuine, fake."""

    means: NDArray[np.float64]

    def scores(self, inputs: Any) -> NDArray[np.float64]:
        """(N,) how much nearer each review is to the fakes' mean."""
        genuine, fake = (np.square(np.asarray(inputs, np.float64) - mean).sum(axis=1) for mean in self.means)
        return np.asarray(genuine - fake, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the means; never a pickle."""
        save_file({"means": self.means}, folder / FILE)


class NearestFamily:
    """The class of the nearer mean."""

    name = "nearest"
    inputs: Inputs = "embeddings"
    params = NearestParams
    trains_in_epochs = False

    def fit(self, params: NearestParams, train: Rows, setting: Setting) -> Iterator[Leg]:  # noqa: ARG002 - no chance in it
        """Fit once."""
        rows = np.asarray(train.inputs, dtype=np.float64)
        means = np.stack([rows[~train.fake].mean(axis=0), rows[train.fake].mean(axis=0)])
        shrunk = (1 - params.shrink) * means + params.shrink * rows.mean(axis=0)
        yield Leg(number=1, total=1, model=NearestModel(shrunk))

    def load(self, folder: Path) -> NearestModel:
        """The model in the folder.

        Raises:
            ArtifactError: It is missing or damaged.
        """
        with damage_explained(ArtifactError, str(folder / FILE), "copy or export the artifact again"):
            means = load_file(folder / FILE)["means"]
            if means.dtype != np.float64 or means.ndim != 2 or len(means) != 2 or not np.isfinite(means).all():
                raise ValueError(f"means must be two rows of finite float64, not {means.dtype} of {means.shape}")
            return NearestModel(means)
