"""Many adapters over one frozen base model, trained in the same steps as if each were alone.

The rows of all slots lie one after the other: the base model's products run once over all tokens, each adapter's on its
own, and one optimizer step moves every slot by its own rates. Slots join and leave between steps.

Shape letters: `K` slots, `P` values of a slot, `N` reviews, `B` reviews of a pass, `T` tokens.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reviewtune.adapters.initial import LinearShape, initial_adapter, linear_shapes, tensor_names
from reviewtune.adapters.packed.adamw import Rates, StackedAdamW
from reviewtune.adapters.packed.batch import cut, micro_steps
from reviewtune.adapters.packed.budget import PackRoom, TokenBudget
from reviewtune.adapters.packed.graphs import GraphedPasses
from reviewtune.adapters.packed.grouped_passes import GroupedPasses
from reviewtune.adapters.packed.model import PackedModel
from reviewtune.adapters.packed.pace import Pace
from reviewtune.adapters.packed.passes import Passes, PlainPasses
from reviewtune.adapters.packed.scorer import PackScorer
from reviewtune.adapters.packed.slot import Slot
from reviewtune.adapters.packed.slot_state import SlotState
from reviewtune.adapters.packed.stack import AdapterStack
from reviewtune.adapters.spec import AdapterSpec
from reviewtune.adapters.training import MAX_GRAD_NORM
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.batches import token_budget
from reviewtune.encoders.classifier import linear_layers
from reviewtune.encoders.loading import compute_dtype
from reviewtune.encoders.packing import on_device
from reviewtune.errors import StudyError


class AdapterPack:
    """Slots over one base model.

    Args:
        backbone: A frozen encoder of its own (`encoders.sharing.borrow_backbone`); its modules are changed.
        tokens: N reviews, shared by all slots; each trains on its own rows of them.
        fake: (N,) bool, true where a review is fake.
        room: What it holds.
        seed: Of slots that are given none: fixes a slot's start, order of rows and dropout.
        evaluations_per_epoch: Legs of each epoch of a slot.
        compiled: Compile the layers; worth it on a GPU.

    Attributes:
        frozen_weights: Values of the base model's linear layers.
    """

    def __init__(
        self,
        backbone: nn.Module,
        tokens: Tokens,
        fake: NDArray[np.bool_],
        room: PackRoom,
        *,
        seed: int,
        evaluations_per_epoch: int = 1,
        compiled: bool = False,
    ) -> None:
        self.room, self.seed, self.evaluations_per_epoch = room, seed, evaluations_per_epoch
        self.tokens, self.lengths = tokens, tokens.lengths
        self.device = next(backbone.parameters()).device
        self._names = {target: frozenset(linear_layers(backbone, target)) for target in ("attention", "all-linear")}
        layers = linear_shapes(backbone, linear_layers(backbone, room.target))
        everything = linear_shapes(backbone, linear_layers(backbone, "all-linear"))
        self.frozen_weights = sum(layer.inputs * layer.outputs for layer in everything)
        width = int(backbone.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.stack = AdapterStack(
            layers,
            width=width,
            rank=room.rank,
            slots=room.slots,
            device=self.device,
            dtype=compute_dtype(self.device),
        )
        self.model = PackedModel(backbone, self.stack, compiled=compiled)
        self.optimizer = StackedAdamW(self.stack.values, kind=room.optimizer, compiled=compiled)
        self.labels = np.array(fake, dtype=np.int64)
        self.slots: list[Slot | None] = [None] * room.slots
        self._budget = TokenBudget(room.tokens, token_budget(self.device), room, self._forget)
        self._losses = torch.zeros(room.slots, device=self.device)
        self.passes = self._make_passes()
        self._pace = Pace(self.device)

    def _make_passes(self) -> Passes:
        """The fastest that the device and the architecture have."""
        if not self.model.grouped:
            return PlainPasses(self.model, self._losses)
        kind = GraphedPasses if self.model.recordable else GroupedPasses
        return kind(self.model, self._losses)

    @property
    def free(self) -> list[int]:
        """Slots that hold no adapter."""
        return [index for index, slot in enumerate(self.slots) if slot is None]

    @property
    def busy(self) -> list[int]:
        """Slots in the middle of a leg."""
        return [index for index, slot in enumerate(self.slots) if slot is not None and slot.in_leg]

    def slot(self, index: int) -> Slot:
        """The adapter in a slot."""
        slot = self.slots[index]
        assert slot is not None
        return slot

    def admit(
        self,
        key: str,
        spec: AdapterSpec,
        state: SlotState | None = None,
        *,
        rows: NDArray[np.int64] | None = None,
        seed: int | None = None,
        first_rung: float | None = None,
    ) -> int:
        """Put an adapter, fresh or as it was kept, into a free slot; the slot's index. It does not train yet.

        Args:
            key: The trial's id.
            spec: Its configuration.
            state: Where it goes on.
            rows: (M,) the shared reviews that it trains on. Default: all.
            seed: Its own. Default: the pack's.
            first_rung: Share of its first epoch that is a leg of its own. Default: there is none.

        Raises:
            StudyError: It does not fit the pack's room, or the state is of other params.
        """
        index = self.free[0]
        layers = self.carriers(spec)
        if spec.rank > self.stack.rank or not layers or spec.optimizer != self.room.optimizer:
            asked = f"rank={spec.rank}, target={spec.target}, optimizer={spec.optimizer}"
            raise StudyError(f"{asked}: this pack has room for {self.room}")
        numbers = frozenset(self.stack.layers.index(layer) for layer in layers)
        own = np.arange(len(self.lengths)) if rows is None else rows
        seed = self.seed if seed is None else seed
        slot = Slot(
            key=key,
            spec=spec,
            layers=numbers,
            lengths=self.lengths,
            trained_on=own,
            seed=seed,
            device=self.device,
            evaluations_per_epoch=self.evaluations_per_epoch,
            first_rung=first_rung,
        )
        self.optimizer.clear(index)
        self._losses[index] = state.loss if state else 0
        tensors = initial_adapter(layers, rank=spec.rank, width=self.stack.width, seed=seed)
        try:
            self.stack.write(self.stack.values[index], state.adapter if state else tensors)
            if state:
                _check_shapes(state, tensors)
                mean, square = (self.stack.row(moment) for moment in (state.mean, state.square))
                self.optimizer.restore(index, mean, square, steps=state.steps)
                slot.resume(state)
        except (ValueError, KeyError) as error:
            raise StudyError(f"the training state of {key} is of other params ({error}): delete it") from error
        self.slots[index] = slot
        return index

    def carriers(self, spec: AdapterSpec) -> list[LinearShape]:
        """The linear layers that carry an adapter of `spec`."""
        names = self._names[spec.target]
        return [layer for layer in self.stack.layers if layer.name in names]

    def tensor_names(self, spec: AdapterSpec) -> list[str]:
        """Names of an adapter's tensors, in the order of the model's parameters."""
        return tensor_names(self.carriers(spec))

    def leave(self, index: int) -> None:
        """Free a slot, whatever it was doing."""
        self.slots[index] = None

    def state(self, index: int) -> SlotState:
        """Where a slot stands between two steps: copies, on the CPU. Waits for the device."""
        slot = self.slot(index)
        layers, rank = self.carriers(slot.spec), slot.spec.rank
        values, mean, square = (
            self.stack.read(row, layers, rank)
            for row in (self.stack.values[index], *self.optimizer.moments.read(index))
        )
        return SlotState(
            adapter=values,
            mean=mean,
            square=square,
            steps=int(self.optimizer.steps[index].item()),
            lr_schedule=slot.lr_schedule.state_dict(),
            random={self.device.type: slot.generator.get_state()},
            rows=slot.rows_done,
            loss=float(self._losses[index]) if slot.rows_done else 0.0,
        )

    def step(self) -> list[int]:
        """Take one optimizer step in every busy slot; those whose leg has ended by it."""
        busy = self.busy
        batches = {index: self.slot(index).next_batch() for index in busy}
        losses = self._losses.clone()
        self._budget.within(lambda: self._gradients(batches, losses))
        assert self.stack.values.grad is not None
        self.optimizer.step(self.stack.values.grad, self._rates(busy), busy)
        self._pace.keep()
        return [index for index in busy if self.slot(index).end_step()]

    def take_loss(self, index: int) -> float:
        """Mean training loss of the leg that has just ended in a slot. Waits for the device.

        Raises:
            StudyError: The loss or a gradient was no finite number.
        """
        slot = self.slot(index)
        loss = float(self._losses[index]) / slot.rows
        refused = int(self.optimizer.refused[index].item())
        self._losses[index] = 0
        if refused or not math.isfinite(loss):
            until = f"up to epoch {slot.epoch:g}"
            what = f"{refused} gradients {until} were" if refused else f"the training loss {until} is"
            raise StudyError(f"{what} no finite number (loss {loss}): lower the learning rate")
        return loss

    def scores(
        self, indices: Sequence[int], tokens: Tokens, rows: Sequence[NDArray[np.int64]] | None = None
    ) -> list[NDArray[np.float64]]:
        """Differences of the logits of fake and genuine, by each of some slots, of the reviews that are its own.

        Args:
            indices: Of the slots.
            tokens: N reviews.
            rows: (M,) those that each slot judges, M of its own. Default: all N for each.
        """
        own = rows if rows is not None else [np.arange(len(tokens))] * len(indices)
        placed = {index: self.slot(index) for index in indices}
        return self.scorer.scores(placed, tokens, dict(zip(indices, own, strict=True)))

    @property
    def scorer(self) -> PackScorer:
        """Over the same passes."""
        return PackScorer(self.model, self.passes, self._budget)

    @property
    def budget(self) -> int:
        """Most tokens of a pass by now."""
        return self._budget.tokens

    def _forget(self) -> None:
        self.passes.forget()

    def _gradients(self, batches: Mapping[int, NDArray[np.int64]], losses: Tensor) -> None:
        """Gradients of a step, pass after pass, and its losses over those before; from the start at each try."""
        self._losses.copy_(losses)
        if self.stack.values.grad is not None:
            self.stack.values.grad.zero_()
        parts = [cut(index, batch, self.lengths, self._budget.of_part) for index, batch in batches.items()]
        for own in micro_steps(parts, self.lengths, self.scorer.together):
            self.passes.train([(part, self.slot(part.slot)) for part in own], self.tokens, self.labels)

    def _rates(self, busy: list[int]) -> Rates:
        columns = np.zeros((4, self.room.slots, 1), dtype=np.float32)
        for index in busy:
            slot = self.slot(index)
            columns[:, index, 0] = 1, slot.learning_rate, slot.spec.weight_decay, MAX_GRAD_NORM
        return Rates(*on_device(columns, self.device).unbind())


def _check_shapes(state: SlotState, tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError where a state is of another adapter than these tensors."""
    for name, tensor in tensors.items():
        if state.adapter[name].shape != tensor.shape:
            raise ValueError(f"{name} is {tuple(state.adapter[name].shape)}, not {tuple(tensor.shape)}")
