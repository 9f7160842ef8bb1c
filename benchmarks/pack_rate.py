"""How fast a pack trains: the measurement that packed.py and hub_encoders.py share."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from reviewtune.adapters.packed.pack import AdapterPack, PackRoom
from reviewtune.adapters.packed.room import MOST_TOKENS, make_room
from reviewtune.data.tokens import Tokens
from reviewtune.families.qlora import QloraParams

RANK = 16
WARM_STEPS, TIMED_SECONDS = 40, 6.0
CHUNK = 8
"""Steps that are timed together; the median of these counts, as a pass of a rare size may be recorded at any time."""


@dataclass(frozen=True)
class PackRate:
    """What a full pack trains, all slots together; tokens are real ones."""

    reviews_per_second: float
    tokens_per_second: float
    useful_tflops: float
    warm_up_seconds: float


def pack_rate(
    backbone: torch.nn.Module, tokens: Tokens, fake: np.ndarray, *, slots: int, batch: int, warm: int = WARM_STEPS
) -> PackRate:
    """Rates of a pack of `slots` trials by the published recipe's adapter, `batch` reviews a step each.

    Each slot has an order of its own, as trials that begin at odd times have. Compilation and recordings come before.
    """
    gpu = torch.cuda.is_available()
    room = make_room(backbone, PackRoom(slots, RANK, "attention", MOST_TOKENS))
    pack = AdapterPack(backbone, tokens, fake, room, seed=0, compiled=gpu)
    start = time.perf_counter()
    for number in range(slots):
        index = pack.admit(str(number), QloraParams(rank=RANK, batch_size=batch, epochs=1000))
        pack.slot(index).seed = number
        pack.slot(index).begin_leg()
    for _ in range(warm):
        step(pack)
    wait()
    warm_up = time.perf_counter() - start
    trained(pack)
    rates = []
    end = time.perf_counter() + TIMED_SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(CHUNK):
            step(pack)
        wait()
        rates.append(trained(pack) / (time.perf_counter() - start))
    rate = float(np.median(rates))
    reviews = rate / float(tokens.lengths.mean())
    return PackRate(reviews, rate, 4 * pack.frozen_weights * rate / 1e12, warm_up)


def trained(pack: AdapterPack) -> int:
    """Tokens that all slots have trained on since this was last asked."""
    return sum(pack.slot(number).take_tokens() for number in range(pack.room.slots))


def step(pack: AdapterPack) -> None:
    """One step; slots whose leg ends begin the next."""
    for index in pack.step():
        pack.slot(index).begin_leg()


def wait() -> None:
    """Until the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
