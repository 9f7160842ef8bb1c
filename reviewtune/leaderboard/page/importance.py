"""How much each param mattered to a search: functional ANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014) by Optuna."""

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

FEWEST_TRIALS = 8
"""With fewer a forest has nothing to learn."""
MOST_TRIALS = 200
"""That are looked at, evenly over the search: more take seconds and move no bar."""
TREES = 16


def importance_of(trials: Sequence[tuple[dict[str, Any], float]]) -> list[tuple[str, float]]:
    """The share of the score's variance that each param explains by itself, the largest first; empty of few trials.

    Args:
        trials: Params and score of each.
    """
    places = np.unique(np.linspace(0, len(trials) - 1, MOST_TRIALS).round().astype(int)).tolist() if trials else []
    some = [trials[place] for place in places]
    if len(some) < FEWEST_TRIALS or len({score for _, score in some}) < 2:
        return []
    shared = set.intersection(*(set(params) for params, _ in some))
    spaces = {name: space for name in sorted(shared) if (space := _space([params[name] for params, _ in some]))}
    if len(spaces) < 2:
        return [(name, 1.0) for name in spaces]
    return _by_optuna(some, spaces)


def _by_optuna(trials: Sequence[tuple[dict[str, Any], float]], spaces: dict[str, Any]) -> list[tuple[str, float]]:
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(direction="maximize")
            for params, score in trials:
                told = {name: _plain(params[name]) for name in spaces}
                study.add_trial(optuna.create_trial(params=told, distributions=spaces, value=score))
            evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=0)
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (ValueError, RuntimeError):  # A space that the forest cannot learn from.
        return []
    finally:
        optuna.logging.set_verbosity(verbosity)
    if not np.isfinite(list(found.values())).all():
        return []
    return [(name, round(float(weight), 4)) for name, weight in found.items()]


def _space(values: Sequence[Any]) -> Any:
    """What Optuna calls the range of these values; None where they are all the same."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    plain = [_plain(value) for value in values]
    if len(set(plain)) < 2:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in plain):
        low, high = float(min(plain)), float(max(plain))
        return FloatDistribution(low, high, log=low > 0 and high / low >= 30)
    return CategoricalDistribution(tuple(sorted(set(plain), key=str)))


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else json.dumps(value)
