"""Whether the chosen calibration is better than Platt's on reviews to come, and no worse where Platt's is right.

Scores of three shapes whose law is known: Gaussian within either class (where Platt's sigmoid is exact), squeezed to
both ends as those of a diverging network, and steeper on one side. Each study fits on so many reviews and is judged on
20,000 further ones.

    python benchmarks/calibrations.py [--studies 50] [--rows 200 1000 5000]
"""

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.choice import Calibration, choose_calibration
from reviewtune.evaluation.isotonic_calibration import IsotonicCalibration
from reviewtune.evaluation.metrics import expected_calibration_error

TO_COME = 20_000


def gaussian(normal: NDArray[np.float64], fake: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Platt's sigmoid is exact."""
    return normal + 2.5 * fake


def saturated(normal: NDArray[np.float64], fake: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Nearly all at one of both ends, which say less than they seem to."""
    return 6 * np.tanh(1.5 * (1.2 * normal + 3 * (fake - 0.5))) + 0.15 * np.sin(1e6 * normal)


def lopsided(normal: NDArray[np.float64], fake: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Five times as far apart above as below, for the same odds."""
    score = normal + 2.4 * fake
    return np.where(score > 1.2, 1.2 + 5 * (score - 1.2), score)


def drawn(
    shape: Callable[[NDArray[np.float64], NDArray[np.bool_]], NDArray[np.float64]],
    rows: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores and labels of so many reviews, half of them fake."""
    fake = random.uniform(size=rows) < 0.5
    return shape(random.standard_normal(rows), fake), fake


def judged(calibration: Calibration, scores: NDArray[np.float64], fake: NDArray[np.bool_]) -> tuple[float, float]:
    """Log loss and calibration error."""
    odds = calibration.log_odds(scores)
    error = expected_calibration_error(fake, calibration.apply(scores))
    return float(np.logaddexp(0, np.where(fake, -odds, odds)).mean()), error


def main() -> None:
    """Print a row a shape and number of reviews: how often each was chosen, and log loss and calibration error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=50)
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 1000, 5000])
    options = parser.parse_args()
    names = ("Platt", "beta", "isotonic", "chosen")
    print("| scores | reviews | chosen: Platt, beta, isotonic |", " | ".join(names), "|")
    print("|---|---:|---|" + "---|" * len(names))
    for shape in (gaussian, saturated, lopsided):
        for rows in options.rows:
            random, kinds, found = np.random.default_rng(rows), Counter[str](), []
            for _ in range(options.studies):
                known, to_come = drawn(shape, rows, random), drawn(shape, TO_COME, random)
                chosen = choose_calibration(*known)
                kinds[chosen.kind] += 1
                fitted = [kind.fit(*known) for kind in (PlattCalibration, BetaCalibration, IsotonicCalibration)]
                found.append([judged(each, *to_come) for each in (*fitted, chosen)])
            mean = np.mean(found, axis=0)
            counts = ", ".join(str(kinds[kind]) for kind in ("platt", "beta", "isotonic"))
            values = " | ".join(f"{loss:.4f}, {error:.4f}" for loss, error in mean)
            print(f"| {shape.__name__} | {rows:,} | {counts} | {values} |", flush=True)


if __name__ == "__main__":
    main()
