"""What a search has gained over the default configuration, with an interval that may be believed."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from reviewtune.errors import UsageError
from reviewtune.evaluation.comparison import Difference, compare
from reviewtune.evaluation.threshold import labels_of


def gain_over_default(
    fake: ArrayLike,
    default: ArrayLike,
    candidates: Mapping[str, ArrayLike],
    selected: str,
    *,
    units: ArrayLike | None = None,
) -> Difference:
    """How far the out-of-fold F1 of the selected configuration lies above the default's.

    The best of several owes part of its lead to luck. Since the intervals of all candidates hold at once, so does that
    of whichever was selected by these same scores.

    Args:
        fake: (N,) true where the review is fake.
        default: (N,) out-of-fold scores of the family's default configuration: each review's by a model that was
            trained without it.
        candidates: (N,) out-of-fold scores of every configuration that was selected among, by name; the selected one is
            one of them, the default may be.
        selected: Its name.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.

    Raises:
        DataError: The arrays are empty or differ in length, a score is not finite, or a class is missing.
        UsageError: The selected one is not among the candidates.

    Examples:
        >>> fake = [True] * 30 + [False] * 30
        >>> default = [1.0] * 20 + [-1.0] * 40
        >>> better = [1.0] * 28 + [-1.0] * 32
        >>> gain = gain_over_default(fake, default, {"tuned": better, "default": default}, "tuned")
        >>> round(gain.difference, 3), gain.ahead
        (0.166, True)
    """
    if selected not in candidates:
        raise UsageError(
            f"the selected configuration is one of the candidates, {', '.join(candidates)}: not {selected}"
        )
    called = {name: labels_of(fake, scores) for name, scores in candidates.items()}
    return compare(fake, labels_of(fake, default), called, units=units)[selected]
