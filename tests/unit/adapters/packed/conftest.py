"""A small corpus, packs over it, and what a trial does alone in one."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.dequantised import dequantise
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.families.base import Rows
from reviewtune.families.qlora import QloraParams

TOLERANCE = 1e-5
EPOCHS = 2


def make_rows(count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    lists = [
        np.r_[2, rng.integers(4 + 15 * label, 40 + 15 * label, rng.integers(2, 20)), 3].astype(np.int32)
        for label in fake
    ]
    return Rows(from_lists(lists), fake)


TRAIN, TEST = make_rows(45, 0), make_rows(20, 1)


def make_pack(
    base: Path, *, slots: int = 4, tokens: int = 4096, quantisation: str = "nf4", evaluations: int = 1
) -> AdapterPack:
    backbone: Any = dequantise(borrow_backbone(resolve_encoder(str(base)), quantisation))  # type: ignore[arg-type]
    room = PackRoom(slots, 8, "all-linear", tokens)
    return AdapterPack(backbone, TRAIN.inputs, TRAIN.fake, room, seed=7, evaluations_per_epoch=evaluations)


def make_params(**values: Any) -> QloraParams:
    return QloraParams(**{"rank": 4, "alpha": 8, "learning_rate": 3e-3, "batch_size": 8, "epochs": EPOCHS, **values})


def finish(pack: AdapterPack) -> dict[int, list[float]]:
    """Train all slots to their end; the losses of the legs of each."""
    losses: dict[int, list[float]] = {}
    for slot in pack.slots:
        if slot is not None and not slot.in_leg:
            slot.begin_leg()
    while pack.busy:
        for index in pack.step():
            losses.setdefault(index, []).append(pack.take_loss(index))
            if not pack.slot(index).is_done:
                pack.slot(index).begin_leg()
    return losses


def alone(
    base: Path, params: QloraParams, evaluations: int = 1, rows: np.ndarray | None = None, seed: int | None = None
) -> tuple[list[float], np.ndarray, dict[str, Tensor]]:
    pack = make_pack(base, slots=1, evaluations=evaluations)
    pack.admit("alone", params, rows=rows, seed=seed)
    losses = finish(pack)[0]
    return losses, pack.scores([0], TEST.inputs)[0], dict(pack.state(0).adapter)


def assert_same(one: tuple[Any, ...], other: tuple[Any, ...], tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(one[0], other[0], atol=tolerance)
    np.testing.assert_allclose(one[1], other[1], atol=10 * tolerance)
    assert one[2].keys() == other[2].keys()
    for name, tensor in one[2].items():
        torch.testing.assert_close(other[2][name], tensor, atol=tolerance, rtol=0)


def run_leg(pack: AdapterPack, index: int) -> float:
    pack.slot(index).begin_leg()
    while index not in pack.step():
        pass
    return pack.take_loss(index)
