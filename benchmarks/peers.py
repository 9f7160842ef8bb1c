"""One LoRA trial at a time by peft, in the ways that people train them, and several of them sharing a card.

Each has the published recipe's adapter: rank 16, alpha 32, dropout 0.05 on attention, 16 reviews a step.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from shapes import backbone, longest
from torch.nn.functional import cross_entropy, pad

from reviewtune.adapters.peft_format import add_adapter
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.loading import default_device
from reviewtune.encoders.packing import pack_rows, pad_rows
from reviewtune.quiet import be_quiet

BATCH, RANK = 16, 16
WARM_STEPS, CHUNK = 8, 4
"""Steps before the first that is timed, and between two looks at the clock: the host may run ahead in between."""
START_SECONDS = 300
"""What processes that share a card may take until the last of them is warm."""


@dataclass(frozen=True)
class Peer:
    """A way to train one trial.

    Attributes:
        name: For people.
        padded: Every review to 512 tokens; otherwise none is padded.
        micro: Reviews of a forward pass; gradients of several are accumulated to 16.
        attention: Of a padded batch, as transformers names it.
        half: The adapter in bfloat16 as the base model is; otherwise in float32 under autocast.
        optimizer: `adamw`, torch's own in one kernel, or `paged_8bit`.
        compiled: Each layer by torch.compile; a padded batch has one shape.
    """

    name: str
    padded: bool
    micro: int = BATCH
    attention: str = "sdpa"
    half: bool = False
    optimizer: str = "adamw"
    compiled: bool = False


RECIPE = Peer(
    "published recipe: padded to 512, 2 x 8, eager", padded=True, micro=2, attention="eager", optimizer="paged_8bit"
)
PEERS = [
    RECIPE,
    Peer("padded to 512, batch 16, sdpa", padded=True),
    Peer("padded to 512, batch 16, sdpa, bfloat16", padded=True, half=True),
    Peer("padded to 512, batch 16, sdpa, bfloat16, compiled", padded=True, half=True, compiled=True),
    Peer("unpadded, batch 16", padded=False),
    Peer("unpadded, batch 16, bfloat16", padded=False, half=True),
]


@dataclass(frozen=True)
class Timing:
    """How a peer is timed.

    Attributes:
        runs: How often.
        seconds: Of each.
    """

    runs: int
    seconds: float


class PeerTrial:
    """A trial in training."""

    def __init__(self, peer: Peer, shape: str, tokens: Tokens, fake: np.ndarray) -> None:
        self.peer, self.tokens, self.length = peer, tokens, longest(shape)
        self.device = default_device()
        base = backbone(shape, torch.bfloat16, attention=peer.attention if peer.padded else None)
        classifier = EncoderClassifier(base, name=shape)
        self.model = add_adapter(classifier, rank=RANK, alpha=32, dropout=0.05, target="attention", rslora=False)
        self.model.train()
        if peer.half:
            for name, parameter in self.model.named_parameters():
                if "lora_" in name:
                    parameter.data = parameter.data.to(torch.bfloat16)
        if peer.compiled:
            stacks = [module for module in base.modules() if isinstance(module, torch.nn.ModuleList)]
            for layer in max(stacks, key=len):
                layer.compile()
        self.optimizer = _optimizer(self.model, peer.optimizer)
        self.labels = torch.from_numpy(fake.astype(np.int64)).to(self.device)
        self.order = np.random.default_rng(0).permutation(len(tokens))
        self.steps = 0

    def step(self) -> None:
        """Train on the next 16 reviews."""
        for start in range(0, BATCH, self.peer.micro):
            places = self.steps * BATCH + start + np.arange(self.peer.micro)
            rows = self.order[places % len(self.order)]
            with self._precision():
                logits = self._logits(rows)
            loss = cross_entropy(logits, self.labels[torch.from_numpy(rows).to(self.device)])
            torch.autograd.backward(loss * self.peer.micro / BATCH)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.steps += 1

    def _precision(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.peer.half else torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _logits(self, rows: np.ndarray) -> torch.Tensor:
        packed = pack_rows(self.tokens, rows, self.device)
        if not self.peer.padded:
            return self.model(packed)
        ids, mask = (pad(value, (0, self.length - value.shape[1])) for value in pad_rows(packed, 0))
        return self.model(ids, mask)

    def rate(self, seconds: float) -> float:
        """Reviews a second over so many seconds."""
        start, first = time.perf_counter(), self.steps
        while time.perf_counter() - start < seconds:
            for _ in range(CHUNK):
                self.step()
            wait()
        return (self.steps - first) * BATCH / (time.perf_counter() - start)


def peer_rates(peer: Peer, shape: str, tokens: Tokens, fake: np.ndarray, timing: Timing) -> list[float]:
    """Reviews a second of each run of one trial, warm."""
    trial = _warm(peer, shape, tokens, fake)
    return [trial.rate(timing.seconds) for _ in range(timing.runs)]


def shared_rates(
    peer: Peer, shape: str, tokens: Tokens, fake: np.ndarray, timing: Timing, *, processes: int
) -> list[float]:
    """Reviews a second of so many processes together on one card, each with a trial and a base model of its own."""
    context: Any = get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    arguments = (peer, shape, tokens, fake), timing, barrier, results
    workers = [context.Process(target=_share, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    try:
        found = [results.get(timeout=START_SECONDS + 2 * timing.runs * timing.seconds) for _ in workers]
    finally:
        for worker in workers:
            worker.join(10)
            worker.kill()
    return [float(sum(own)) for own in zip(*found, strict=True)]


def _share(trial_of: tuple[Any, ...], timing: Timing, barrier: Any, results: Any) -> None:
    """What each process runs: every run begins when all are ready for it."""
    be_quiet()
    trial = _warm(*trial_of)
    rates = []
    for _ in range(timing.runs):
        barrier.wait(START_SECONDS)
        rates.append(trial.rate(timing.seconds))
    results.put(rates)


def _warm(peer: Peer, shape: str, tokens: Tokens, fake: np.ndarray) -> PeerTrial:
    trial = PeerTrial(peer, shape, tokens, fake)
    for _ in range(WARM_STEPS):
        trial.step()
    wait()
    return trial


def _optimizer(model: torch.nn.Module, name: str) -> torch.optim.Optimizer:
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=2e-4, fused=True)
    from bitsandbytes.optim import PagedAdamW8bit

    return PagedAdamW8bit(parameters, lr=2e-4)


def wait() -> None:
    """Until the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
