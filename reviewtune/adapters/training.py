"""The training loop of one adapter: legs of steps, by one or several workers.

It is a generator: it yields after every leg, and whoever iterates evaluates, reports and stops it. The same loop runs
in a Tune trial on a laptop and in every worker of a Ray Train `TorchTrainer`, where the workers share each batch.
Shape letters: `N` reviews, `B` batch, `C` classes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from reviewtune.adapters.randomness import RandomStream
from reviewtune.adapters.schedule import Course
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.batches import token_batches, token_budget
from reviewtune.encoders.loading import compute_dtype
from reviewtune.encoders.packing import pack_rows
from reviewtune.errors import StudyError

MAX_GRAD_NORM = 1.0


@dataclass(frozen=True)
class Worker:
    """This process among those that train one adapter together; alone by default."""

    rank: int = 0
    world_size: int = 1


@dataclass
class Trainer:
    """What one adapter's training holds between steps.

    Attributes:
        model: The adapter on its frozen base, with a head; takes `PackedRows`, gives (B, C) logits.
        optimizer, lr_schedule: Over the trainable parameters.
        tokens: The training reviews.
        labels: (N,) int64 on the model's device, 1 = fake.
        course: Its steps, and where it stops to be evaluated.
        seed: Fixes the order of the rows.
        random: What dropout draws from.
        worker: Its part of each batch.
    """

    model: nn.Module
    optimizer: Optimizer
    lr_schedule: LRScheduler
    tokens: Tokens
    labels: Tensor
    course: Course
    seed: int
    random: RandomStream
    worker: Worker = Worker()

    @property
    def steps(self) -> int:
        """Optimizer steps that are done: what torch's schedulers call epochs."""
        return self.lr_schedule.last_epoch

    def train(self) -> Iterator[tuple[int, float]]:
        """Yield (leg, mean training loss of its rows) after each leg that is left, counted from 1.

        Raises:
            StudyError: The loss is no longer finite.
        """
        while self.steps < self.course.steps:
            with self.random.drawn_from():
                loss = self._leg(self.course.batches_from(self.steps, self.seed))
            if not math.isfinite(loss):
                raise StudyError(
                    f"the training loss up to epoch {self.course.epoch_at(self.steps):g} is {loss}, no finite number: "
                    "lower the learning rate"
                )
            yield self.course.leg_at(self.steps), loss

    def _leg(self, batches: list[NDArray[np.int64]]) -> float:
        """Take a step on each batch; the mean loss of their rows."""
        self.model.train()
        total = torch.zeros((), device=self.labels.device)
        for batch in batches:
            total += self._step(batch)
        if self.worker.world_size > 1:
            dist.all_reduce(total)
        self.model.eval()
        return float(total) / sum(map(len, batches))

    def _step(self, batch: NDArray[np.int64]) -> Tensor:
        """Take one optimizer step on this worker's part of `batch`; the summed loss of that part."""
        mine = batch[self.worker.rank :: self.worker.world_size]
        device = self.labels.device
        dtype = compute_dtype(device)
        total = torch.zeros((), device=device)
        for micro in token_batches(self.tokens.lengths[mine], token_budget(device)):
            rows = mine[micro]
            packed = pack_rows(self.tokens, rows, device)
            with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                logits = self.model(packed)
            loss = cross_entropy(logits, self.labels[torch.from_numpy(rows).to(device)], reduction="sum")
            torch.autograd.backward(loss / len(batch))
            total += loss.detach()
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        if self.worker.world_size > 1:
            _sum_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, MAX_GRAD_NORM)
        self.optimizer.step()
        self.lr_schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total


def _sum_gradients(parameters: list[nn.Parameter]) -> None:
    """Add up the workers' gradients, each already divided by the whole batch, in one exchange.

    A worker without rows in this batch (the last one of an epoch may be short) takes part with zeros.
    """
    flat = torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in parameters])
    dist.all_reduce(flat)
    pieces = torch.split(flat, [p.numel() for p in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.grad = piece.view_as(parameter)
