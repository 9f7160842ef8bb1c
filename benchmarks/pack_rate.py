"""How fast a pack trains, from its cold start on: the measurement that packed.py and hub_encoders.py share."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.room import MOST_TOKENS, make_room
from reviewtune.data.tokens import Tokens
from reviewtune.families.qlora import QloraParams

RANK = 16
WARM_STEPS, TIMED_SECONDS = 40, 6.0
CHUNK = 8
"""Steps between two looks at the clock."""
ATTENTION = PackRoom(slots=16, rank=RANK, target="attention", tokens=MOST_TOKENS)
"""The room of a search at the published recipe's rank."""


@dataclass(frozen=True)
class Epoch:
    """An epoch of all slots, training alone: the wall time with all that it compiled and recorded on the way."""

    seconds: float
    reviews_per_second: float
    tokens_per_second: float


@dataclass(frozen=True)
class PackRate:
    """What a full pack trains, all slots together; tokens are real ones.

    Attributes:
        reviews_per_second: Median of the runs after warm-up, recordings of rare sizes within.
        runs: Reviews a second of each.
        warm_up_seconds: From the pack's making to the first run.
        epochs: From the pack's making on, where whole epochs were the warm-up.
        slots: That the card's memory bore.
    """

    reviews_per_second: float
    tokens_per_second: float
    useful_tflops: float
    warm_up_seconds: float
    runs: list[float]
    slots: int
    epochs: list[Epoch] = field(default_factory=list)


def pack_rate(
    backbone: torch.nn.Module,
    tokens: Tokens,
    fake: np.ndarray,
    *,
    slots: int,
    batch: int,
    warm: int = WARM_STEPS,
    epochs: int = 0,
    room: PackRoom = ATTENTION,
    runs: int = 1,
    seconds: float = TIMED_SECONDS,
) -> PackRate:
    """Rates of a pack of `slots` trials with `batch` reviews a step each.

    Each slot has an order of its own, as trials that begin at odd times have. In a room for larger ranks or for all
    linear layers, the slots have the ranks 4, 8, ... up to it, and every other one is on all linear layers.

    Args:
        backbone: On its device.
        tokens: The training reviews.
        fake: Which of them are.
        slots: Of the pack, at most.
        batch: Of each slot.
        warm: Steps before the first run, where no epochs are asked for.
        epochs: Whole ones before the first run, each timed.
        room: Its rank and target.
        runs: How often the steady state is timed.
        seconds: Of each run.
    """
    start = time.perf_counter()
    pack = full_pack(backbone, tokens, fake, PackRoom(slots, room.rank, room.target, MOST_TOKENS), batch)
    whole = [_epoch(pack, tokens, start if number == 0 else None) for number in range(epochs)]
    for _ in range(0 if whole else warm):
        step(pack)
    wait()
    warm_up = time.perf_counter() - start
    trained(pack)
    rates = [_run(pack, seconds) for _ in range(runs)]
    rate, length = float(np.median(rates)), float(tokens.lengths.mean())
    return PackRate(
        reviews_per_second=rate / length,
        tokens_per_second=rate,
        useful_tflops=4 * pack.frozen_weights * rate / 1e12,
        warm_up_seconds=warm_up,
        runs=[own / length for own in rates],
        slots=pack.room.slots,
        epochs=whole,
    )


def full_pack(backbone: torch.nn.Module, tokens: Tokens, fake: np.ndarray, room: PackRoom, batch: int) -> AdapterPack:
    """A pack with a trial in every slot, at the beginning of its first epoch."""
    room = make_room(backbone, room)
    pack = AdapterPack(backbone, tokens, fake, room, seed=0, compiled=torch.cuda.is_available())
    ranks = [rank for rank in (4, 8, 16, 32, 64) if rank <= room.rank] if room.rank > RANK else [RANK]
    for number in range(room.slots):
        target = room.target if number % 2 == 0 else "attention"
        params = QloraParams(rank=ranks[number % len(ranks)], batch_size=batch, epochs=1000, target=target)
        index = pack.admit(str(number), params)
        pack.slot(index).seed = number
        pack.slot(index).begin_leg()
    return pack


def _epoch(pack: AdapterPack, tokens: Tokens, start: float | None) -> Epoch:
    """Train all slots, which are at the beginning of an epoch, to its end."""
    start = time.perf_counter() if start is None else start
    trained(pack)
    for _ in range(pack.slot(0).course.steps_per_epoch):
        step(pack)
    wait()
    seconds = time.perf_counter() - start
    rate = trained(pack) / seconds
    return Epoch(seconds, rate / float(tokens.lengths.mean()), rate)


def _run(pack: AdapterPack, seconds: float) -> float:
    """Tokens a second over so many seconds, whatever is done in them."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(CHUNK):
            step(pack)
        wait()
    return trained(pack) / (time.perf_counter() - start)


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
