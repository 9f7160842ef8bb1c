"""What the page draws of an entry's trials: their history, their learning curves, and which params went with what.

Shape letters: `T` trials, `P` params.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reviewtune.leaderboard.page.budget import Budget
from reviewtune.leaderboard.page.importance import importance_of

STATUSES = {"finished": "f", "stopped": "s", "paused": "p", "failed": "x", "lost": "l", "running": "r"}
SEARCH = "search"
"""The fold of a search's trials in their records; those of finalists have other names."""
LARGEST = 1e300
"""Of a param that is drawn as a number; what is beyond, infinity too, is a name."""
WIDE = 30.0
"""A range whose ends are so many times apart is drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Trial:
    """As far as its record tells.

    Attributes:
        number: In the order in which the search's trials ended, from 1.
        params: Of its configuration.
        status: A key of `STATUSES`.
        f1: The best of its legs; None where none ended.
        legs: Epochs that were done and the F1 after them.
        seconds: Of its fit.
        is_default: Of the family's default configuration.
    """

    number: int
    params: dict[str, Any]
    status: str
    f1: float | None
    legs: tuple[tuple[float, float], ...]
    seconds: float
    is_default: bool


def read_trials(folder: Path) -> list[Trial]:
    """The search's trials in `trials` beside an entry, in their order; a record that says nothing is left out."""
    trials = [trial for path in folder.glob("*.json") if (trial := _trial(path)) is not None]
    return sorted(trials, key=lambda trial: trial.number)


def _trial(path: Path) -> Trial | None:
    try:
        record = json.loads(path.read_bytes(), parse_constant=_refuse)
        if record.get("fold", SEARCH) != SEARCH or record["status"] not in STATUSES:
            return None
        legs = tuple((float(leg["epoch"]), float(leg["f1"])) for leg in record.get("epochs", ()))
        if not np.isfinite(legs).all():
            return None
        whole = [float(leg["f1"]) for leg in record.get("epochs", ()) if leg.get("share") is None]
        return Trial(
            number=int(record["number"]),
            params=dict(record["params"]),
            status=record["status"],
            f1=max(whole or [f1 for _, f1 in legs], default=None),
            legs=legs,
            seconds=float(record["epochs"][-1]["fit_seconds"]) if legs else 0.0,
            is_default=bool(record.get("is_default")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def search_figures(
    trials: Sequence[Trial], selected: dict[str, Any], budget: Budget, *, weighed: bool
) -> dict[str, Any] | None:
    """What the search's figures are drawn from; None of fewer than two trials.

    Args:
        trials: T, in the order in which they ended.
        selected: Params of the selected one.
        budget: Of the page: how many of them it shows.
        weighed: Whether to say how much each param mattered, which takes a moment.
    """
    scored = [trial for trial in trials if trial.f1 is not None]
    if len(scored) < 2:
        return None
    found: dict[str, Any] = {"history": history(trials, budget.history)}
    if curves := learning_curves(trials, selected, budget.curves):
        found["curves"] = curves
    if len(varied := varied_params(scored)) > 1:
        found["params"] = coordinates(scored, varied, selected, budget.lines)
    if weighed and varied and (weights := importance_of([(trial.params, float(trial.f1 or 0)) for trial in scored])):
        found["importance"] = weights
    return found


def history(trials: Sequence[Trial], most: int) -> dict[str, Any]:
    """F1 and status of the trials in their order; of too many those that were better than all before, and others."""
    best, rises = -1.0, []
    for place, trial in enumerate(trials):
        if trial.f1 is not None and trial.f1 > best:
            best = trial.f1
            rises.append(place)
    default = next((place for place, trial in enumerate(trials) if trial.is_default), None)
    places = list(range(len(trials)))
    if len(trials) > most:
        places = sorted({*_spread(trials, most), *rises, *([] if default is None else [default])})
    return {
        "n": [place + 1 for place in places] if len(places) < len(trials) else None,
        "all": len(trials),
        "f1": [None if (f1 := trials[place].f1) is None else round(f1, 4) for place in places],
        "status": "".join(STATUSES[trials[place].status] for place in places),
        "isDefault": None if default is None else places.index(default),
    }


def learning_curves(trials: Sequence[Trial], selected: dict[str, Any], most: int) -> dict[str, Any] | None:
    """F1 over the share of its own course that each trial has done, and where trials were stopped.

    The share, in percent, is what rungs of early stopping stand at: trials of two and of five epochs meet there. None
    where no trial was scored more than once.
    """
    several = [trial for trial in trials if len(trial.legs) > 1 or (trial.legs and trial.status == "stopped")]
    if not any(len(trial.legs) > 1 for trial in several):
        return None
    places = _spread(several, most)
    lines = [
        {
            "n": trial.number,
            "s": STATUSES[trial.status],
            "x": [round(100 * epoch / _course(trial), 1) for epoch, _ in trial.legs],
            "y": [round(f1, 4) for _, f1 in trial.legs],
            **({"chosen": 1} if trial.params == selected else {}),
        }
        for trial in (several[place] for place in places)
    ]
    stopped = Counter(
        round(100 * trial.legs[-1][0] / _course(trial), 1)
        for trial in several
        if trial.legs and trial.status == "stopped"
    )
    return {"lines": lines, "all": len(several), "rungs": sorted(stopped.items())}


def _course(trial: Trial) -> float:
    """Epochs that it was to do."""
    epochs = trial.params.get("epochs")
    wanted = float(epochs) if isinstance(epochs, int | float) else 0.0
    return max(wanted, trial.legs[-1][0], 1e-9)


def varied_params(trials: Sequence[Trial]) -> list[str]:
    """The names of the params that all trials have and that are not the same in all."""
    if not trials:
        return []
    shared = set.intersection(*(set(trial.params) for trial in trials))
    names = [name for name in trials[0].params if name in shared]
    return [name for name in names if len({json.dumps(trial.params[name]) for trial in trials}) > 1]


def coordinates(trials: Sequence[Trial], names: Sequence[str], selected: dict[str, Any], most: int) -> dict[str, Any]:
    """The values of P params in some of the trials, each axis with its ends, and the F1 that came of them."""
    best = sorted(range(len(trials)), key=lambda place: -(trials[place].f1 or 0))[: most // 2]
    places = sorted({*best, *_spread(trials, most // 2)})
    some = [trials[place] for place in places]
    return {
        "axes": [axis_of(name, [trial.params[name] for trial in some]) for name in names],
        "f1": [round(float(trial.f1 or 0), 4) for trial in some],
        "n": [trial.number for trial in some],
        "all": len(trials),
        "chosen": next((place for place, trial in enumerate(some) if trial.params == selected), None),
    }


def axis_of(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """An axis: numbers between their ends, or the places of names on it."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST for value in values):
        numbers = [float(f"{float(value):.4g}") for value in values]
        return {"name": name, "values": numbers, "log": is_wide(numbers)}
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    names = sorted(set(texts))
    return {"name": name, "values": [names.index(text) for text in texts], "names": [text[:24] for text in names]}


def is_wide(values: Sequence[float]) -> bool:
    """Whether positive values span more than one axis of even steps can show."""
    return min(values) > 0 and max(values) / min(values) >= WIDE


def _spread(items: Sequence[Any], most: int) -> list[int]:
    """Places of at most so many items, evenly over all."""
    return sorted(set(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int).tolist()))
