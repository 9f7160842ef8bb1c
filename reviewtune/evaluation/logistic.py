"""A logistic regression none of whose weights is negative: what rises with each of its columns."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit


def smoothed_targets(fake: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N,) targets for (N,) labels, which keep a fit finite where the classes are separated.

    A fake review's target is (F + 1) / (F + 2) and a genuine one's 1 / (G + 2), of F fake and G genuine reviews (Platt,
    "Probabilistic outputs for support vector machines", 1999).

    Examples:
        >>> smoothed_targets(np.array([True, True, False])).round(3).tolist()
        [0.75, 0.75, 0.333]
    """
    fakes = int(fake.sum())
    return np.where(fake, (fakes + 1) / (fakes + 2), 1 / (len(fake) - fakes + 2))


def rising_logistic(
    table: NDArray[np.float64], targets: NDArray[np.float64], least: float = 0.0
) -> tuple[NDArray[np.float64], float]:
    """(M,) weights and the intercept of highest likelihood for (N, M) columns and (N,) targets in (0, 1).

    Args:
        table: The columns.
        targets: As of `smoothed_targets`.
        least: Of a weight. The search begins there, so that a column that tells nothing keeps it.

    Examples:
        >>> told = np.array([-2.0, -1.0, 1.0, 2.0])
        >>> weights, intercept = rising_logistic(np.column_stack([told, -told]), np.array([0.1, 0.1, 0.9, 0.9]))
        >>> bool(weights[0] > 1), float(weights[1])
        (True, 0.0)
    """
    from scipy.optimize import minimize

    members = table.shape[1]

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = table @ point[:-1] + point[-1]
        error = (expit(odds) - targets) / len(targets)
        return float(np.mean(np.logaddexp(0, odds) - targets * odds)), np.append(error @ table, error.sum())

    start = np.append(np.full(members, least), 0.0)
    bounds = [(least, None)] * members + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:-1], float(found[-1])
