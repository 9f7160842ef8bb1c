"""What any configuration of the default space would learn, fitted on kept curves: what `searches.py` simulates on.

A surrogate benchmark (Eggensperger et al. 2015). Two Gaussian processes of configuration and leg: one says whether a
leg is any good or has collapsed (F1 of 0.9 or less), one the logit of the F1 of good legs. Both are fitted on F1 pooled
over validation and test rows, which the trainings saw neither of; it is half as noisy as validation alone.

The noise of validation is measured too: by how the logits of F1 on validation and on test differ between and within
trials, of which validation has the share that its number of rows makes it. The part between trials is shared by the
legs of one. A common offset of the validation split is left out: it changes no order. What another seed of a training
would change counts as the surrogate's error, for no configuration was trained twice.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import GroupKFold, cross_val_predict

VALIDATION_SHARE = 2780 / (1112 + 2780)
"""Of the variance between F1 on validation and on test: each has a part in inverse proportion to its rows."""
GOOD = 0.9
ROWS_FOR_KERNEL = 500

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Standard deviations, in logits, of what a search sees of a leg: one a trial, one a leg."""

    trial: float
    leg: float


class Surrogate:
    """F1 of any leg of any configuration, without noise.

    Args:
        rows: Of kept curves.
        seed: Of the rows that the kernels are fitted on.
    """

    def __init__(self, rows: Sequence[dict[str, Any]], seed: int = 0) -> None:
        features = np.array([_features(row, row["epoch"]) for row in rows])
        self.numbers = np.array([row["number"] for row in rows])
        validation, test = (np.array([row[name] for row in rows]) for name in ("f1", "test_f1"))
        self.good = validation > GOOD
        difference = logit(validation) - logit(test)
        offset = difference[self.good].mean()
        share = 1 - VALIDATION_SHARE
        self.y = share * (logit(validation) - offset) + (1 - share) * logit(test)
        self.low = expit(self.y[~self.good].mean()) if (~self.good).any() else GOOD
        self.centre, self.scale = features.mean(axis=0), features.std(axis=0)
        self.z = (features - self.centre) / self.scale
        draw = np.random.default_rng(seed)
        self.gate = _fitted(self.z, np.where(self.good, 1.0, -1.0), draw)
        self.level = _fitted(self.z[self.good], self.y[self.good], draw)
        self.noise = _noise(difference[self.good], self.numbers[self.good])

    def f1(self, params: Sequence[dict[str, Any]]) -> list[Array]:
        """The (L,) F1 of the legs of each configuration; a leg is an epoch."""
        legs = [int(one["epochs"]) for one in params]
        features = [_features(one, leg + 1) for one, count in zip(params, legs, strict=True) for leg in range(count)]
        z = (np.array(features) - self.centre) / self.scale
        f1 = np.where(self.gate.predict(z) > 0, expit(self.level.predict(z)), self.low)
        return np.split(f1, np.cumsum(legs)[:-1])

    def describe(self) -> str:
        """Its cross-validated error, by configurations, and the noise that it gives to a search."""
        folds = GroupKFold(10, shuffle=True, random_state=0)
        gate = cross_val_predict(self.gate, self.z, np.where(self.good, 1.0, -1.0), groups=self.numbers, cv=folds)
        own = self.numbers[self.good]
        said = expit(cross_val_predict(self.level, self.z[self.good], self.y[self.good], groups=own, cv=folds))
        error = said - expit(self.y[self.good])
        best = said >= np.quantile(said, 0.9)
        return (
            f"{len(set(self.numbers))} configurations, {len(self.y)} legs. Cross-validated by configurations: "
            f"{np.mean((gate > 0) == self.good):.3f} of legs told good or collapsed rightly "
            f"({np.mean(self.good):.3f} are good); F1 of good legs off by {np.sqrt(np.mean(error**2)):.4f} "
            f"(root mean square; R2 {1 - np.var(error) / np.var(expit(self.y[self.good])):.2f}), of the tenth that it "
            f"holds for best by {np.sqrt(np.mean(error[best] ** 2)):.4f}, mean {error[best].mean():+.4f}. Noise in "
            f"logits: {self.noise.trial:.3f} a trial, {self.noise.leg:.3f} a leg; at F1 0.965 "
            f"{0.0338 * np.hypot(self.noise.trial, self.noise.leg):.4f}."
        )


def _features(params: dict[str, Any], epoch: float) -> list[float]:
    logs = [np.log(params[name]) for name in ("learning_rate", "rank", "alpha", "batch_size")]
    wide = float(params["target"] == "all-linear")
    return [*logs, wide, params["dropout"], params["epochs"], epoch, epoch / params["epochs"]]


def _fitted(z: Array, y: Array, draw: np.random.Generator) -> GaussianProcessRegressor:
    """Fitted on all rows, by the kernel that is likeliest on some of them."""
    some = draw.permutation(len(y))[:ROWS_FOR_KERNEL]
    kernel = ConstantKernel(4.0) * RBF(np.full(z.shape[1], 2.0), (0.2, 50)) + WhiteKernel(0.1)
    with warnings.catch_warnings():
        # A param that hardly matters, such as dropout, has a length at the bound.
        warnings.simplefilter("ignore", ConvergenceWarning)
        likeliest = GaussianProcessRegressor(kernel, normalize_y=True).fit(z[some], y[some]).kernel_
    return GaussianProcessRegressor(likeliest, normalize_y=True, optimizer=None).fit(z, y)


def _noise(difference: Array, numbers: NDArray[np.int64]) -> Noise:
    """Validation's share of the components of variance between and within trials."""
    _, trial = np.unique(numbers, return_inverse=True)
    mean = np.bincount(trial, difference) / np.bincount(trial)
    within = np.sum((difference - mean[trial]) ** 2) / (len(difference) - len(mean))
    between = max(0.0, np.var(difference, ddof=1) - within)
    return Noise(float(np.sqrt(VALIDATION_SHARE * between)), float(np.sqrt(VALIDATION_SHARE * within)))
