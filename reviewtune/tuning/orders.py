"""What the broker tells pack workers and their crew, and what it knows of each worker and trial."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

Held = dict[str, tuple[dict[str, Any], dict[str, Any] | None]]
"""Params and last result of the trials that a worker trains, by id."""


@dataclass(frozen=True)
class Orders:
    """What has changed for a worker since it last asked.

    Attributes:
        admit: Trials to take in, (id, params, legs whose results the broker has).
        evict: Ids of trials to let go.
        allowed: Last leg that each of its trials may train, by id.
        closed: The study is over, or the worker is taken for dead.
        unknown: The broker does not know the worker: it is to register again, with what it holds.
        give: Ids of trials that another worker is to train on: their states are to be written and they handed back.
    """

    admit: list[tuple[str, dict[str, Any], int]]
    evict: list[str]
    allowed: dict[str, int]
    closed: bool
    unknown: bool = False
    give: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Muster:
    """What the crew hears of the workers that it counts.

    Attributes:
        closed: The study is over.
        unfit: Why some of them cannot work where they are, by number.
    """

    closed: bool
    unfit: dict[int, str]


@dataclass
class BrokeredTrial:
    """What the broker knows of a trial.

    Attributes:
        params: None as long as its client has not asked for it.
        results: Of its legs.
        asked: Last leg that its client has asked for.
        error: Why it has ended without its last leg.
        by_machine: The error says nothing of the trial.
        worker: That trains it.
    """

    params: dict[str, Any] | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    error: str | None = None
    by_machine: bool = False
    worker: int | None = None

    def note(self, result: dict[str, Any]) -> None:
        """Keep the result of a leg, which stands for those before it that are not known."""
        while len(self.results) < result["leg"]:
            self.results.append(result)


@dataclass
class BrokeredWorker:
    """What the broker knows of a worker, and has not told it yet.

    Attributes:
        slots: Of its pack.
        trials: That it trains.
        admit, evict, give: As in `Orders`.
        giving: Trials that it has been told to hand back.
        news: There is something to tell.
    """

    slots: int
    trials: set[str] = field(default_factory=set)
    admit: list[str] = field(default_factory=list)
    evict: list[str] = field(default_factory=list)
    give: list[str] = field(default_factory=list)
    giving: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def staying(self) -> list[str]:
        """Trials that it is to train on."""
        return sorted(self.trials - self.giving)

    @property
    def free(self) -> int:
        """Slots without a trial."""
        return self.slots - len(self.trials)

    def take(self, trial_id: str) -> None:
        """It is to train a trial."""
        self.trials.add(trial_id)
        self.admit.append(trial_id)
        self.news.set()

    def drop(self, trial_id: str, *, evict: bool = False) -> None:
        """It trains a trial no longer, or is not to."""
        self.trials.discard(trial_id)
        self.giving.discard(trial_id)
        if evict:
            self.evict.append(trial_id)
            self.news.set()

    def hand_over(self) -> None:
        """It is to hand back one of its trials."""
        trial_id = self.staying[-1]
        self.giving.add(trial_id)
        self.give.append(trial_id)
        self.news.set()

    def take_orders(self) -> tuple[list[str], list[str], list[str]]:
        """Trials to admit, to evict and to give, which are told by this."""
        admit, give = ([name for name in names if name in self.trials] for names in (self.admit, self.give))
        evict, self.admit, self.evict, self.give = self.evict, [], [], []
        return admit, evict, give
