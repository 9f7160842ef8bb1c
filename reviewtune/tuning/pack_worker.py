"""What a worker does: train the trials that the broker hands it, in one pack, until the study is over.

A worker whose machine is about to be taken away, or that is to give a trial to another, writes where its slots stand,
in the middle of a leg too, and lets go of them.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.errors import MachineError, ReviewtuneError, StorageError
from reviewtune.families.qlora import QloraParams
from reviewtune.families.qlora_slot import SlotModel
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.gauges import PackGauges
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.keeping import keep, kept_result, last_state
from reviewtune.tuning.meter import DeviceMeter, Spent
from reviewtune.tuning.midway import MidwayModel, load_midway
from reviewtune.tuning.orders import Orders
from reviewtune.tuning.records import EARLIER, GPU_JOULES
from reviewtune.tuning.tenant import Tenant
from reviewtune.tuning.training import Training
from reviewtune.tuning.trial import (
    Assignment,
    best_after,
    is_kept,
    leg_result,
    recorded,
    says_more,
    validation_metrics,
)

IDLE_SECONDS = 0.5
"""How long a worker without work waits for news before it looks after its own."""
SAVERS = 2
"""Threads that write checkpoints while the next steps run."""


@dataclass
class PackWorker:
    """A pack, its tenants and the broker.

    Attributes:
        pack: Empty.
        assignment: What all trials share.
        broker: Handle of the `TrialBroker`.
        number: Of this worker.
        gauges: Of the pack.
        is_leaving: Whether its machine is about to be taken away; asked between two steps.
        tenants: By trial id.
        meter: Of the device, read when the tenants are charged for it.
    """

    pack: AdapterPack
    assignment: Assignment
    broker: Any
    number: int
    gauges: PackGauges
    is_leaving: Callable[[], bool] = lambda: False
    tenants: dict[str, Tenant] = field(default_factory=dict)
    meter: DeviceMeter = field(default_factory=DeviceMeter)
    _savers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(SAVERS))
    _unkept: SimpleQueue[tuple[str, str]] = field(default_factory=SimpleQueue)
    """Trials whose checkpoint could not be written, with the reason; told by the threads that write."""

    def run(self) -> None:
        """Work until the broker closes, or the machine is about to be taken away."""
        import ray

        self._register()
        news = self.broker.orders.remote(self.number)
        with self._savers:
            self.meter.restart()
            while True:
                if ray.wait([news], timeout=0 if self.pack.busy else IDLE_SECONDS)[0]:
                    orders: Orders = ray.get(news)
                    if orders.closed:
                        return
                    if orders.unknown:
                        self._register()
                    news = self.broker.orders.remote(self.number)
                    self._follow(orders)
                self._fail_unkept()
                if self.is_leaving():
                    self._resign()
                    return
                if self.pack.busy:
                    self._end_legs(self.pack.step())
                else:
                    self.meter.restart()

    def _register(self) -> None:
        """Tell the broker of this worker, and, should it have begun anew, of what is in its slots."""
        import ray

        held = {tenant.trial_id: (tenant.params, tenant.result) for tenant in self.tenants.values()}
        ray.get(self.broker.register.remote(self.number, self.pack.room.slots, held))

    def _follow(self, orders: Orders) -> None:
        for trial_id in orders.evict:
            if tenant := self.tenants.pop(trial_id, None):
                self.pack.leave(tenant.slot)
        for trial_id, params, delivered in orders.admit:
            self._guarded(trial_id, lambda i=trial_id, p=params, d=delivered: self._admit(i, p, d))
        for trial_id in orders.give:
            if trial_id in self.tenants:
                self._settle(0)
                self._guarded(trial_id, lambda i=trial_id: self._write_midway(self.tenants[i]))
                self._let_go(trial_id)
                self.broker.hand_back.remote(self.number, trial_id)
        for trial_id, allowed in orders.allowed.items():
            if tenant := self.tenants.get(trial_id):
                tenant.allowed = allowed
        for tenant in self.tenants.values():
            self._go_on(tenant)

    def _admit(self, trial_id: str, params: dict[str, Any], delivered: int) -> None:
        """Take a trial in, fresh or where its last checkpoint stands; a result that was lost with a worker goes out."""
        training = Training.of(params)
        fold = self.assignment.folds[training.fold]
        spec = QloraParams.from_values({**self.assignment.fixed, **training.params})
        folder = self.assignment.models_dir / trial_id
        at = last_state(folder)
        state, spent = load_midway(at, self.pack.tensor_names(spec)) if at else (None, None)
        result = kept_result(at) if at else None
        slot = self.pack.admit(trial_id, spec, state, rows=fold.train, seed=fold.seed, first_rung=fold.first_rung)
        tenant = self.tenants[trial_id] = Tenant(trial_id, slot, params, training, fold)
        tenant.spent = spent or Spent()
        if not result:
            return
        tenant.said = HeldOut.read(folder, until=result["leg"])
        # No list: Tune would take it for a histogram's values, for TensorBoard.
        result[EARLIER] = tuple(result.get(EARLIER, ()))
        tenant.earlier = (*result[EARLIER], *recorded(result))
        tenant.result, tenant.best = result, best_after(result)
        kept = Spent(result["fit_seconds"], result.get(GPU_JOULES))
        tenant.spent = max(tenant.spent, kept, key=lambda spent: spent.seconds)
        if result["leg"] > delivered:
            self.broker.deliver.remote(trial_id, result)
        if result["last"]:
            self._let_go(trial_id)

    def _go_on(self, tenant: Tenant) -> None:
        """Begin the next leg of a tenant that rests, if it may."""
        slot = self.pack.slot(tenant.slot)
        if not slot.in_leg and not self._is_done(tenant) and slot.leg < tenant.allowed:
            slot.begin_leg()

    def _is_done(self, tenant: Tenant) -> bool:
        slot = self.pack.slot(tenant.slot)
        return slot.leg >= tenant.training.last_leg(slot.course.legs)

    def _end_legs(self, ended: list[int]) -> None:
        """Evaluate the slots whose leg has ended, keep what they are and deliver what they measured."""
        if not ended:
            return
        losses = {}
        by_slot = {tenant.slot: tenant for tenant in self.tenants.values()}
        for slot in ended:
            self._guarded(by_slot[slot].trial_id, lambda s=slot: losses.update({s: self.pack.take_loss(s)}))
        self._settle(len(ended))
        left = [by_slot[slot] for slot in ended if slot in losses]
        scores = self._scores([tenant for tenant in left if len(tenant.fold.held_out)])
        for tenant in left:
            own = scores.get(tenant.slot)
            self._guarded(tenant.trial_id, lambda t=tenant, s=own: self._report(t, s, losses[t.slot]))
        self.meter.restart()

    def _scores(self, tenants: list[Tenant]) -> dict[int, NDArray[np.float64]]:
        """What each tenant says of the rows that are held out from it, by its slot."""
        if not tenants:
            return {}
        slots, rows = [tenant.slot for tenant in tenants], [tenant.fold.held_out for tenant in tenants]
        return dict(zip(slots, self.pack.scores(slots, self.pack.tokens, rows), strict=True))

    def _report(self, tenant: Tenant, scores: NDArray[np.float64] | None, loss: float) -> None:
        slot = self.pack.slot(tenant.slot)
        metrics = {"train_loss": loss}
        if scores is not None:
            tenant.said.legs[slot.leg] = scores
            fake = self.assignment.rows.fake[tenant.fold.held_out]
            metrics |= validation_metrics(scores, fake, slot.epoch, self.assignment.objective)
        total = tenant.training.last_leg(slot.course.legs)
        course = slot.course
        at: dict[str, Any] = {"epoch": slot.epoch, "per_epoch": course.legs_per_epoch, "share": course.share}
        seconds, joules = tenant.spent.seconds, tenant.spent.joules
        result = leg_result(metrics, slot.leg, total, **at, best=tenant.best, fit_seconds=seconds, gpu_joules=joules)
        result |= self.gauges.line()
        kept = is_kept(tenant.training, result, tenant.best)
        tenant.best = best_after(result)
        model = self._model(tenant)
        said = HeldOut(dict(tenant.said.legs)) if says_more(tenant.training, tenant.fold) else None
        folder = self.assignment.models_dir / tenant.trial_id
        whole = {**result, EARLIER: tenant.earlier}
        tenant.earlier += recorded(result)
        write = partial(keep, model, folder, whole, improved=kept, said=said)
        tenant.saving = self._savers.submit(self._keep, tenant.saving, write, folder, whole)
        if result["last"]:
            self._let_go(tenant.trial_id)
        else:
            self._go_on(tenant)

    def _model(self, tenant: Tenant) -> SlotModel:
        """What a tenant is just now."""
        spec = self.pack.slot(tenant.slot).spec
        layers = [layer.name for layer in self.pack.carriers(spec)]
        return SlotModel(self.pack.state(tenant.slot), spec, layers, self.assignment.setting)

    def _resign(self) -> None:
        """Leave all tenants to other workers, from where they stand."""
        import ray

        self._settle(0)
        for tenant in list(self.tenants.values()):
            self._guarded(tenant.trial_id, lambda t=tenant: self._write_midway(t))
        # Those too of trials that have left their slots: nothing may come from here after this.
        self._savers.shutdown()
        self._fail_unkept()
        ray.get(self.broker.resign.remote(self.number))

    def _write_midway(self, tenant: Tenant) -> None:
        """Write where a tenant stands, unless its last leg's state tells just that, or could not be written."""
        if tenant.saving:
            tenant.saving.result()
        self._fail_unkept()
        if self.tenants.get(tenant.trial_id) is tenant and self.pack.slot(tenant.slot).rows_done:
            model = MidwayModel(self._model(tenant), tenant.spent)
            keep(model, self.assignment.models_dir / tenant.trial_id, tenant.result or {}, improved=False)

    def _keep(
        self, before: Future[None] | None, write: Callable[[], None], folder: Path, result: dict[str, Any]
    ) -> None:
        """Write a checkpoint, after the one before it, and only then tell of the leg."""
        try:
            if before:
                before.result()
            write()
        except Exception as error:  # noqa: BLE001  whatever it is, the trial must hear of it
            reason = reason_of(error)[:200]
            mend = "the same command tries again" if isinstance(error, StorageError) else "free the disk"
            self._unkept.put((folder.name, f"its checkpoint in {folder} cannot be written ({reason}): {mend}"))
            return
        if tenant := self.tenants.get(folder.name):
            tenant.result = result
        self.broker.deliver.remote(folder.name, {name: value for name, value in result.items() if name != EARLIER})

    def _fail_unkept(self) -> None:
        """Fail the trials whose checkpoint could not be written."""
        while not self._unkept.empty():
            self._fail(*self._unkept.get(), by_machine=True)

    def _settle(self, ended: int) -> None:
        """Charge what the device took since the last settlement to the tenants by their shares of the tokens.

        Args:
            ended: Slots whose leg has ended just now.
        """
        taken = self.meter.take()
        tokens = {tenant.trial_id: self.pack.slot(tenant.slot).take_tokens() for tenant in self.tenants.values()}
        total = max(1, sum(tokens.values()))
        for trial_id, own in tokens.items():
            self.tenants[trial_id].spent = self.tenants[trial_id].spent.plus(own / total, taken)
        self.gauges.note(taken.seconds, total, len(self.pack.busy) + ended)

    def _guarded(self, trial_id: str, work: Any) -> None:
        """Do something for one trial; what goes wrong ends that trial alone."""
        try:
            work()
        except ReviewtuneError as error:
            self._fail(trial_id, str(error), by_machine=isinstance(error, MachineError))
        except OSError as error:
            self._fail(trial_id, f"its files cannot be read or written ({error})", by_machine=True)
        except (KeyError, ValueError, TypeError) as error:
            self._fail(trial_id, f"its files are damaged ({type(error).__name__}: {error}): delete its folder")

    def _fail(self, trial_id: str, reason: str, *, by_machine: bool = False) -> None:
        self._let_go(trial_id)
        self.broker.fail.remote(trial_id, reason, by_machine=by_machine)

    def _let_go(self, trial_id: str) -> None:
        tenant = self.tenants.pop(trial_id, None)
        if tenant:
            self.pack.leave(tenant.slot)
