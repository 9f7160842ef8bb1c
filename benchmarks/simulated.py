"""A simulated search: asynchronous, many trials side by side, in slots that all take a step at a time."""

import heapq
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from schedulers import SCHEDULERS, Simulated
from scipy.special import expit, logit
from surrogate import Surrogate

from reviewtune.families.qlora import QloraParams
from reviewtune.families.space import resolve
from reviewtune.tuning.first_wave import ANSWERS, FirstWave

SPACE, DEFAULTS = resolve(QloraParams, {})
SAMPLERS = ("random", "tpe", "sobol+tpe", "start+sobol+tpe", "sobol+gp")
"""The one with a start tries what the family is known to do well by after its default configuration."""
KEYS = ("sampler", "scheduler", "slots", "counts", "budget", "seed")
EPOCHS = 3.5
"""Of a whole training, in the mean of the space."""
FINALISTS = 4


@dataclass(frozen=True)
class Plan:
    """A search to simulate. Where `counts` says tokens, one search passes all budgets; trials have one."""

    sampler: str
    scheduler: str
    slots: int
    counts: str
    budgets: tuple[int, ...]
    seed: int

    def keys(self) -> list[tuple[Any, ...]]:
        """What tells the results of its budgets from all others."""
        kind = (self.sampler, self.scheduler, self.slots, self.counts)
        return [(*kind, budget, self.seed) for budget in self.budgets]


class Tpe(optuna.samplers.TPESampler):
    """TPE that is told the space; to work it out of all trials takes a third of the time of a search."""

    def infer_relative_search_space(self, *_: Any) -> dict[str, Any]:
        """What it would find, in the same order."""
        return dict(sorted(SPACE.items()))


def sampler_of(plan: Plan) -> optuna.samplers.BaseSampler:
    """A fresh sampler."""
    seed = 7919 * plan.seed + 1
    if plan.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if plan.sampler == "tpe":
        return Tpe(seed=seed, n_startup_trials=ANSWERS, constant_liar=True)
    later: optuna.samplers.BaseSampler = Tpe(seed=seed, n_startup_trials=0, constant_liar=True)
    if plan.sampler == "sobol+gp":
        later = optuna.samplers.GPSampler(seed=seed, n_startup_trials=0)
    return FirstWave(SPACE, trials=max(ANSWERS, plan.slots), later=later, seed=seed)


class Search:
    """A search under way."""

    def __init__(self, plan: Plan, surrogate: Surrogate) -> None:
        self.plan, self.surrogate = plan, surrogate
        self.study = optuna.create_study(direction="maximize", sampler=sampler_of(plan))
        self.study.enqueue_trial({name: DEFAULTS[name] for name in SPACE})
        if plan.sampler.startswith("start"):
            self.study.enqueue_trial({**{name: DEFAULTS[name] for name in SPACE}, **QloraParams.start})
        self.scheduler = SCHEDULERS[plan.scheduler]()
        self.random = np.random.default_rng(plan.seed)
        self.trials: list[Simulated] = []
        self.epochs = 0

    def run(self, best: float, end: float) -> Iterator[dict[str, Any]]:
        """What has come out when each budget is spent, and nothing more once the clock says `end`.

        Args:
            best: F1 of the best of the space.
            end: In seconds of the epoch.
        """
        in_tokens, left = self.plan.counts == "tokens", list(self.plan.budgets)
        most = float("inf") if in_tokens else left[0]
        steps: list[tuple[float, int, Simulated]] = []
        order, now = itertools.count(), 0.0
        while True:
            while len(steps) < self.plan.slots:
                trial = self.scheduler.taken_up() or (self.ask() if len(self.trials) < most else None)
                if trial is None:
                    break
                heapq.heappush(steps, (now + 1 / trial.params["batch_size"], next(order), trial))
            if not steps or (in_tokens and self.epochs >= EPOCHS * left[0]):
                yield self.outcome(left.pop(0), best)
            if not left or time.time() > end:
                return
            now, _, trial = heapq.heappop(steps)
            trial.best = max(trial.best, float(trial.seen[trial.legs]))
            trial.legs += 1
            self.epochs += 1
            if self.scheduler.goes_on(trial):
                heapq.heappush(steps, (now + 1 / trial.params["batch_size"], next(order), trial))
            else:
                self.tell(trial)

    def ask(self) -> Simulated:
        """A trial by the sampler."""
        asked = self.study.ask(SPACE)
        params = {**DEFAULTS, **asked.params}
        (truth,) = self.surrogate.f1([params])
        noise = self.surrogate.noise
        seen = logit(truth) + self.random.normal(0, noise.trial) + self.random.normal(0, noise.leg, len(truth))
        self.trials.append(Simulated(len(self.trials), params, truth, expit(seen), asked))
        return self.trials[-1]

    def tell(self, trial: Simulated) -> None:
        """Tell the sampler what a trial has reached; again as one more trial where it was told before."""
        if trial.told:
            again = optuna.create_trial(params=trial.asked.params, distributions=SPACE, value=trial.best)
            self.study.add_trial(again)
        else:
            self.study.tell(trial.asked, trial.best)
        trial.told = True

    def outcome(self, budget: int, best: float) -> dict[str, Any]:
        """Tokens spent, in whole trainings, and regrets."""
        order = sorted((trial for trial in self.trials if trial.legs), key=lambda trial: -trial.best)
        quality = [float(trial.truth.max()) for trial in order]
        kind = {name: getattr(self.plan, name) for name in KEYS if name != "budget"}
        return {
            **kind,
            "budget": budget,
            "tokens": self.epochs / EPOCHS,
            "trials": len(self.trials),
            "seen": order[0].best,
            "regret": best - quality[0],
            "regret_of_finalists": best - max(quality[:FINALISTS]),
        }
