"""Between Tune's trials, which ask for one leg after the other, and the workers that train them in packs.

A leg is an epoch or a part of one; it ends with a result. The broker is a Ray actor without work of its own. It knows
which worker holds which trial, what each trial has measured and how far its client has asked. A worker may train one
leg ahead of what was asked, so that no slot waits for Tune's decisions; a trial that is stopped meanwhile loses that
leg alone.

Should the broker's process die, Ray starts it again with nothing in it, and asks it anew what it was asked. Workers
that it does not know then tell what they hold, and trials that nobody holds are handed out when all workers have.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

AHEAD = 1
"""Legs that a worker may train before they are asked for."""

RECOVERY_SECONDS = 60
"""How long a broker that was started again waits for workers that do not tell what they hold."""

Held = dict[str, tuple[dict[str, Any], dict[str, Any] | None]]
"""Params and last result of the trials that a worker trains, by id."""


@dataclass(frozen=True)
class Orders:
    """What has changed for a worker since it last asked.

    Attributes:
        admit: Trials to take in, (id, params, legs whose results the broker has).
        evict: Ids of trials to let go.
        allowed: Last leg that each of its trials may train, by id.
        closed: The study is over.
        unknown: The broker does not know the worker: it is to register again, with what it holds.
    """

    admit: list[tuple[str, dict[str, Any], int]]
    evict: list[str]
    allowed: dict[str, int]
    closed: bool
    unknown: bool = False


@dataclass
class _Trial:
    params: dict[str, Any] | None = None
    """None as long as its client has not asked for it."""
    results: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    error: str | None = None
    by_machine: bool = False
    """The error says nothing of the trial."""
    worker: int | None = None

    def note(self, result: dict[str, Any]) -> None:
        """Keep the result of a leg, which stands for those before it that are not known."""
        while len(self.results) < result["leg"]:
            self.results.append(result)


@dataclass
class _Worker:
    slots: int
    trials: set[str] = field(default_factory=set)
    admit: list[str] = field(default_factory=list)
    evict: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class TrialBroker:
    """The actor. All its methods run in one event loop, one at a time between their waits.

    Args:
        workers: That there will be.
    """

    def __init__(self, workers: int = 1) -> None:
        self._awaited = workers if _is_restarted() else 0
        self._began = time.monotonic()
        self._trials: dict[str, _Trial] = {}
        self._workers: dict[int, _Worker] = {}
        self._waiting: deque[str] = deque()
        self._changed = asyncio.Condition()
        self._closed: str | None = None

    async def leg(self, trial_id: str, params: dict[str, Any], number: int) -> dict[str, Any]:
        """The result of a trial's leg `number`, once it is trained; asking again gives it again.

        Returns:
            What the worker measured; or `{"error": reason, "by_machine": ...}` where the trial failed, was let go
            meanwhile, or has no workers any more.
        """
        trial = self._trials.setdefault(trial_id, _Trial())
        if trial.params is None:
            trial.params = params
            self._waiting.append(trial_id)
            self._hand_out()
        trial.asked = max(trial.asked, number)
        self._tell(trial)
        async with self._changed:
            await self._changed.wait_for(lambda: len(trial.results) >= number or trial.error or self._closed)
        if len(trial.results) >= number:
            return trial.results[number - 1]
        return {"error": trial.error or self._closed, "by_machine": trial.by_machine or not trial.error}

    async def leave(self, trial_id: str) -> None:
        """Free the slot of a trial that Tune has ended, whatever it was doing."""
        trial = self._trials.setdefault(trial_id, _Trial({}))
        if trial_id in self._waiting:
            self._waiting.remove(trial_id)
        trial.error = trial.error or "it has been stopped"
        self._release(trial_id, evict=True)
        await self._notify()

    async def register(self, worker: int, slots: int, held: Held | None = None) -> None:
        """A worker is ready, for the first time or again; trials that it held before it died are handed out anew.

        Args:
            worker: Its rank.
            slots: Of its pack.
            held: What it trains, where it is the broker that begins anew.
        """
        before = self._workers.get(worker)
        mine = self._workers[worker] = _Worker(slots)
        if self._closed:
            mine.news.set()
        for trial_id, (params, result) in (held or {}).items():
            self._take_back(worker, trial_id, params, result)
        for trial_id in sorted(before.trials - mine.trials) if before else ():
            self._trials[trial_id].worker = None
            self._waiting.appendleft(trial_id)
        self._hand_out()
        await self._notify()

    def _take_back(self, worker: int, trial_id: str, params: dict[str, Any], result: dict[str, Any] | None) -> None:
        """Learn that a worker trains a trial; it is to let it go where Tune has ended it, or another has it by now."""
        trial, mine = self._trials.setdefault(trial_id, _Trial()), self._workers[worker]
        trial.params = params
        if trial.error or trial.worker not in (None, worker):
            mine.evict.append(trial_id)
            mine.news.set()
            return
        if result:
            trial.note(result)
        if trial_id in self._waiting:
            self._waiting.remove(trial_id)
        trial.worker = worker
        mine.trials.add(trial_id)
        mine.news.set()

    async def orders(self, worker: int) -> Orders:
        """What has changed for a worker, as soon as something has."""
        if worker not in self._workers:
            return Orders([], [], {}, closed=self._closed is not None, unknown=True)
        mine = self._workers[worker]
        await mine.news.wait()
        mine.news.clear()
        admit = [(trial_id, self._trials[trial_id]) for trial_id in mine.admit if trial_id in mine.trials]
        orders = Orders(
            admit=[(trial_id, trial.params or {}, len(trial.results)) for trial_id, trial in admit],
            evict=mine.evict,
            allowed={trial_id: self._trials[trial_id].asked + AHEAD for trial_id in mine.trials},
            closed=self._closed is not None,
        )
        mine.admit, mine.evict = [], []
        return orders

    async def deliver(self, trial_id: str, result: dict[str, Any]) -> None:
        """A worker has trained a leg. One that was delivered before its worker died counts once.

        Of legs that were lost with a worker only the last is told again: it stands for those before it too.
        """
        self._trials.setdefault(trial_id, _Trial()).note(result)
        if result["last"]:
            self._release(trial_id, evict=False)
        await self._notify()

    async def fail(self, trial_id: str, reason: str, *, by_machine: bool = False) -> None:
        """A worker cannot train a trial on; it has let it go.

        Args:
            trial_id: Of the trial.
            reason: One line.
            by_machine: It says nothing of the trial, which may be tried again.
        """
        trial = self._trials.setdefault(trial_id, _Trial({}))
        trial.error, trial.by_machine = reason, by_machine
        self._release(trial_id, evict=False)
        await self._notify()

    async def close(self, reason: str = "the study is over") -> None:
        """End the workers, and every trial that still waits, with this reason."""
        self._closed = self._closed or reason
        for worker in self._workers.values():
            worker.news.set()
        await self._notify()

    def _hand_out(self) -> None:
        """Give waiting trials to the worker with the most free slots."""
        if len(self._workers) < self._awaited and time.monotonic() < self._began + RECOVERY_SECONDS:
            return
        while self._waiting and self._workers:
            worker, mine = max(self._workers.items(), key=lambda item: item[1].slots - len(item[1].trials))
            if len(mine.trials) >= mine.slots:
                return
            trial_id = self._waiting.popleft()
            self._trials[trial_id].worker = worker
            mine.trials.add(trial_id)
            mine.admit.append(trial_id)
            mine.news.set()

    def _release(self, trial_id: str, *, evict: bool) -> None:
        trial = self._trials[trial_id]
        mine = self._workers.get(trial.worker) if trial.worker is not None else None
        trial.worker = None
        if mine is None or trial_id not in mine.trials:
            return
        mine.trials.discard(trial_id)
        if evict:
            mine.evict.append(trial_id)
            mine.news.set()
        self._hand_out()

    def _tell(self, trial: _Trial) -> None:
        if trial.worker is not None:
            self._workers[trial.worker].news.set()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _is_restarted() -> bool:
    """Whether this process follows one that died."""
    import ray

    return ray.is_initialized() and bool(ray.get_runtime_context().was_current_actor_reconstructed)
