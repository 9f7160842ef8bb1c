"""A pack worker over a small pack, and a broker that notes what it is told."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.families.base import Rows, Setting
from reviewtune.tuning.orders import Orders
from reviewtune.tuning.pack_worker import PackWorker
from reviewtune.tuning.training import all_folds, search_fold
from reviewtune.tuning.trial import Assignment

PARAMS = {"rank": 4, "alpha": 8, "learning_rate": 1e-3, "batch_size": 8, "epochs": 2, "target": "attention"}


def make_rows(count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    return Rows(from_lists([np.r_[2, rng.integers(4, 150, 6), 3] for _ in fake]), fake)


class Broker:
    """Notes what a worker tells the real one."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, dict[str, Any]]] = []
        self.failed: list[tuple[str, str]] = []
        self.deliver = SimpleNamespace(remote=lambda *told: self.delivered.append(told))
        self.by_machine: list[bool] = []
        self.fail = SimpleNamespace(remote=self._fail)

    def _fail(self, trial_id: str, reason: str, *, by_machine: bool) -> None:
        self.failed.append((trial_id, reason))
        self.by_machine.append(by_machine)


def make_worker(base: Path, models: Path, evaluations: int = 1) -> PackWorker:
    setting = Setting(seed=1, base_model=str(base), quantisation="none")
    rows = make_rows(34, 0)
    fold_of = np.arange(34) // 2 % 2
    folds = all_folds(fold_of, 2, seeds=1, search=search_fold(24, 10, seed=1))
    assignment = Assignment("qlora", {"dropout": 0.0}, rows, folds, setting, models)
    backbone = borrow_backbone(resolve_encoder(str(base)), "none")
    pack = AdapterPack(
        backbone, rows.inputs, rows.fake, PackRoom(3, 8, "attention", 2048), seed=1, evaluations_per_epoch=evaluations
    )
    gauges: Any = SimpleNamespace(note=lambda *_: None, line=lambda: {"pack_reviews_per_second": 5.0})
    return PackWorker(pack, assignment, Broker(), number=0, gauges=gauges, _savers=ThreadPoolExecutor(1))


def orders(*admit: tuple[str, dict[str, Any], int], allowed: int = 2, evict: tuple[str, ...] = ()) -> Orders:
    return Orders(list(admit), list(evict), {trial: allowed for trial, _, _ in admit}, closed=False)


def run_leg(worker: PackWorker) -> None:
    while worker.pack.busy:
        ended = worker.pack.step()
        worker._end_legs(ended)
        if ended:
            break
    worker._savers.submit(lambda: None).result()
