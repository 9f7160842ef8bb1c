"""One trial's place in a pack: where it stands in its course, and what the step needs to know of it.

Shape letters: `N` reviews that all slots share, `M` of them that this one trains on, `B` batch.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler

from reviewtune.adapters.optimizer import make_lr_schedule
from reviewtune.adapters.packed.slot_state import SlotState
from reviewtune.adapters.schedule import Course
from reviewtune.adapters.spec import AdapterSpec, LoraSpec, scaling


@dataclass(kw_only=True)
class Placed:
    """An adapter among those of a pack.

    Attributes:
        spec: What it computes by.
        layers: Which linear layers of the stack, by index, carry it.
        seed: Fixes its start, the order of its rows and its dropout.
        device: Of the pack; its `generator`, which dropout draws from where no hash decides, is on it.
        steps: Optimizer steps that are done.
    """

    spec: LoraSpec
    layers: frozenset[int]
    device: torch.device
    seed: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        self.generator = torch.Generator(self.device)
        self.generator.manual_seed(self.seed)

    @property
    def scale(self) -> float:
        """Of its product."""
        return scaling(self.spec)

    def step_seed(self) -> int:
        """What the masks of its next step follow from, on a GPU: 32 bits."""
        return int(np.random.SeedSequence([self.seed, self.steps]).generate_state(1)[0])


@dataclass(kw_only=True)
class Slot(Placed):
    """An adapter in training.

    Attributes:
        key: The trial's id.
        spec: Its configuration.
        lengths: (N,) tokens of each review.
        trained_on: (M,) its own rows among them.
        evaluations_per_epoch: Legs of each epoch.
        first_rung: Share of the first epoch that is a leg of its own; None: there is none.
        rows: Reviews of the leg that runs, or that has ended last.
        begun: Reviews of the next leg that were done before it was taken out of a pack in the middle of it.
        tokens: It has trained on since the last `take_tokens`.
    """

    key: str
    spec: AdapterSpec
    lengths: NDArray[np.int64]
    trained_on: NDArray[np.int64]
    evaluations_per_epoch: int = 1
    first_rung: float | None = None
    rows: int = 0
    begun: int = 0
    tokens: int = 0
    _waiting: list[NDArray[np.int64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.course = Course(
            len(self.trained_on), self.spec.batch_size, self.spec.epochs, self.evaluations_per_epoch, self.first_rung
        )
        self._schedule = lr_schedule_alone(self.spec, self.course.steps)

    @property
    def lr_schedule(self) -> LRScheduler:
        """Of its learning rate, over all its steps."""
        return self._schedule

    @property
    def learning_rate(self) -> float:
        """Of its next step."""
        return float(self._schedule.get_last_lr()[0])

    @property
    def leg(self) -> int:
        """Legs that are done."""
        return self.course.leg_at(self.steps)

    @property
    def epoch(self) -> float:
        """Epochs that are done, by whole legs."""
        return self.course.epoch_at(self.steps)

    @property
    def is_done(self) -> bool:
        """No further leg follows."""
        return self.steps >= self.course.steps

    def resume(self, state: SlotState) -> None:
        """Go on where `state` stands.

        Raises:
            ValueError: The random state is no state of a generator.
        """
        self.steps, self.begun = state.steps, state.rows
        self._schedule.load_state_dict({**self._schedule.state_dict(), **state.lr_schedule})
        # What `load_state_dict` leaves to the optimizer's own state.
        for group, rate in zip(self._schedule.optimizer.param_groups, self._schedule.get_last_lr(), strict=True):
            group["lr"] = rate
        if self.device.type in state.random:
            self.generator.set_state(state.random[self.device.type])

    def begin_leg(self) -> None:
        """Line up the rows of the next leg, or of what is left of it."""
        self._waiting = self.course.batches_from(self.steps, self.seed)[::-1]
        self.rows, self.begun = self.begun + self.rows_left, 0

    @property
    def rows_left(self) -> int:
        """Reviews of the running leg that are not done."""
        return sum(map(len, self._waiting))

    @property
    def rows_done(self) -> int:
        """Reviews of the running leg that are; 0 between two legs."""
        return self.rows - self.rows_left if self.in_leg else self.begun

    @property
    def in_leg(self) -> bool:
        """Rows of the running leg are left."""
        return bool(self._waiting)

    def next_batch(self) -> NDArray[np.int64]:
        """The rows of its next step, as all slots number them."""
        batch = self.trained_on[self._waiting.pop()]
        self.tokens += int(self.lengths[batch].sum())
        return batch

    def end_step(self) -> bool:
        """Count a step; whether it was the leg's last."""
        self.steps += 1
        self._schedule.optimizer.step()
        self._schedule.step()
        return not self._waiting

    def take_tokens(self) -> int:
        """Tokens it has trained on since this was last asked."""
        tokens, self.tokens = self.tokens, 0
        return tokens


def lr_schedule_alone(spec: AdapterSpec, steps: int) -> LRScheduler:
    """The learning rate's course, driving an optimizer of no account."""
    nothing = SGD([torch.nn.Parameter(torch.zeros(()))], lr=spec.learning_rate)
    return make_lr_schedule(nothing, name=spec.lr_schedule, warmup_ratio=spec.warmup_ratio, steps=steps)
