"""Between Tune's trials, which ask for one leg after the other, and the workers that train them in packs.

A leg is an epoch or a part of one; it ends with a result. The broker is a Ray actor without work of its own. It knows
which worker holds which trial, what each trial has measured and how far its client has asked. A worker may train one
leg ahead of what was asked, so that no slot waits for Tune's decisions; a trial that is stopped meanwhile loses that
leg alone.

Workers come and go one by one: the crew tells which there are. The trials of one that is gone are handed out anew, and
one that joins while none waits takes over some of the others'.

Should the broker's process die, Ray starts it again with nothing in it, and asks it anew what it was asked. Workers
that it does not know then tell what they hold, and trials that nobody holds are handed out when all workers have.
"""

import asyncio
import time
from collections import deque
from collections.abc import Collection
from typing import Any

from reviewtune.tuning.orders import BrokeredTrial, BrokeredWorker, Held, Muster, Orders

AHEAD = 1
"""Legs that a worker may train before they are asked for."""

RECOVERY_SECONDS = 60
"""How long a broker that was started again waits for workers that do not tell what they hold."""


class TrialBroker:
    """The actor. All its methods run in one event loop, one at a time between their waits."""

    def __init__(self) -> None:
        self._recovers, self._began = _is_restarted(), time.monotonic()
        self._trials: dict[str, BrokeredTrial] = {}
        self._workers: dict[int, BrokeredWorker] = {}
        self._crew: frozenset[int] | None = None
        self._unfit: dict[int, str] = {}
        self._waiting: deque[str] = deque()
        self._changed = asyncio.Condition()
        self._closed: str | None = None

    async def leg(self, trial_id: str, params: dict[str, Any], number: int) -> dict[str, Any]:
        """The result of a trial's leg `number`, once it is trained; asking again gives it again.

        Returns:
            What the worker measured; or `{"error": reason, "by_machine": ...}` where the trial failed, was let go
            meanwhile, or has no workers any more.
        """
        trial = self._trials.setdefault(trial_id, BrokeredTrial())
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
        trial = self._trials.setdefault(trial_id, BrokeredTrial({}))
        if trial_id in self._waiting:
            self._waiting.remove(trial_id)
        trial.error = trial.error or "it has been stopped"
        self._release(trial_id, evict=True)
        await self._notify()

    async def register(self, worker: int, slots: int, held: Held | None = None) -> None:
        """A worker is ready, for the first time, or again where it is the broker that begins anew.

        Args:
            worker: Its number.
            slots: Of its pack.
            held: What it trains.
        """
        if self._is_dismissed(worker):
            return
        before = self._workers.get(worker)
        mine = self._workers[worker] = BrokeredWorker(slots)
        if self._closed:
            mine.news.set()
        for trial_id, (params, result) in (held or {}).items():
            self._take_back(worker, trial_id, params, result)
        self._wait_again(before.trials - mine.trials if before else ())
        self._hand_out()
        self._even_out(mine)
        await self._notify()

    async def muster(self, crew: Collection[int]) -> Muster:
        """Which workers there are or will be, by number. One that is not among them any more has died.

        Args:
            crew: All of them; a number is never given again.
        """
        self._crew = frozenset(crew)
        for worker in self._workers.keys() - self._crew:
            self._lose(worker)
        self._hand_out()
        unfit = {worker: reason for worker, reason in self._unfit.items() if worker in self._crew}
        return Muster(self._closed is not None, unfit)

    async def resign(self, worker: int, reason: str | None = None) -> None:
        """A worker ends before the study does; the states of its trials are written.

        Args:
            worker: Its number.
            reason: Why nothing can work where it is; None where it is only about to be taken away.
        """
        if reason:
            self._unfit[worker] = reason
        self._lose(worker)
        self._hand_out()

    async def hand_back(self, worker: int, trial_id: str) -> None:
        """A worker has written the state of a trial that it was to give, and let it go."""
        trial, mine = self._trials.get(trial_id), self._workers.get(worker)
        if trial is None or mine is None or trial.worker != worker:
            return
        mine.drop(trial_id)
        self._wait_again([trial_id])
        self._hand_out()

    async def num_workers(self) -> int:
        """How many are at work."""
        return len(self._workers)

    def _take_back(self, worker: int, trial_id: str, params: dict[str, Any], result: dict[str, Any] | None) -> None:
        """Learn that a worker trains a trial; it is to let it go where Tune has ended it, or another has it by now."""
        trial, mine = self._trials.setdefault(trial_id, BrokeredTrial()), self._workers[worker]
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
        mine = self._workers.get(worker)
        if mine is None:
            return Orders([], [], {}, closed=self._closed is not None or self._is_dismissed(worker), unknown=True)
        await mine.news.wait()
        mine.news.clear()
        admit, evict, give = mine.take_orders()
        taken = [(trial_id, self._trials[trial_id]) for trial_id in admit]
        return Orders(
            admit=[(trial_id, trial.params or {}, len(trial.results)) for trial_id, trial in taken],
            evict=evict,
            allowed={trial_id: self._trials[trial_id].asked + AHEAD for trial_id in mine.trials},
            closed=self._closed is not None or self._is_dismissed(worker),
            give=give,
        )

    async def deliver(self, trial_id: str, result: dict[str, Any]) -> None:
        """A worker has trained a leg. One that was delivered before its worker died counts once.

        Of legs that were lost with a worker only the last is told again: it stands for those before it too.
        """
        self._trials.setdefault(trial_id, BrokeredTrial()).note(result)
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
        trial = self._trials.setdefault(trial_id, BrokeredTrial({}))
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
        if self._is_recovering():
            return
        while self._waiting and self._workers:
            worker, mine = max(self._workers.items(), key=lambda item: item[1].free)
            if mine.free <= 0:
                return
            trial_id = self._waiting.popleft()
            self._trials[trial_id].worker = worker
            mine.take(trial_id)

    def _even_out(self, mine: BrokeredWorker) -> None:
        """Have the fullest workers give trials to one that has joined, where none waits that it could take."""
        if self._is_recovering() or self._waiting:
            return
        for held in range(len(mine.trials), mine.slots):
            fullest = max(self._workers.values(), key=lambda worker: len(worker.staying))
            if len(fullest.staying) < held + 2:
                return
            fullest.hand_over()

    def _is_recovering(self) -> bool:
        """Whether workers may still tell what they hold."""
        if not self._recovers or time.monotonic() >= self._began + RECOVERY_SECONDS:
            return False
        return self._crew is None or not self._crew <= self._workers.keys()

    def _is_dismissed(self, worker: int) -> bool:
        """Whether the crew takes a worker for dead: its trials are elsewhere."""
        return self._crew is not None and worker not in self._crew

    def _lose(self, worker: int) -> None:
        """A worker is gone."""
        if mine := self._workers.pop(worker, None):
            mine.news.set()
            self._wait_again(mine.trials)

    def _wait_again(self, trials: Collection[str]) -> None:
        """Trials that nobody trains go before those that have not begun."""
        for trial_id in sorted(trials):
            self._trials[trial_id].worker = None
            self._waiting.appendleft(trial_id)

    def _release(self, trial_id: str, *, evict: bool) -> None:
        trial = self._trials[trial_id]
        mine = self._workers.get(trial.worker) if trial.worker is not None else None
        trial.worker = None
        if mine is None or trial_id not in mine.trials:
            return
        mine.drop(trial_id, evict=evict)
        self._hand_out()

    def _tell(self, trial: BrokeredTrial) -> None:
        if trial.worker is not None:
            self._workers[trial.worker].news.set()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _is_restarted() -> bool:
    """Whether this process follows one that died."""
    import ray

    return ray.is_initialized() and bool(ray.get_runtime_context().was_current_actor_reconstructed)
