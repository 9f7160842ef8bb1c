"""What a pack leaves out, and by how much the rest grows: in the inputs of adapters and of heads, and where the base
model itself drops; by slices and by masks.

All that is dropped here are ones, so that what is left is the gain itself.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from reviewtune.adapters.packed.batch import Part
from reviewtune.adapters.packed.passes import _spans
from reviewtune.adapters.packed.rows import LayerAdapters
from reviewtune.adapters.packed.rows import Rows as PackRows
from reviewtune.adapters.packed.sliced import SlicedRows
from reviewtune.adapters.packed.slot import Placed
from reviewtune.adapters.packed.staging import PassShape, stage, views
from reviewtune.data.tokens import from_lists
from reviewtune.families.qlora import QloraParams

WIDTH = 64
LENGTHS = np.full(300, 40)
TOKENS = from_lists([np.arange(length) for length in LENGTHS])
LABELS = np.zeros(len(LENGTHS), dtype=np.int64)
SHARES = [(0.0, 0.3), (0.1, 0.0), (0.5, 0.2)]
"""Of each slot: of its adapter's inputs and of its head's inputs."""
HIDDEN = 0.15
KINDS = pytest.mark.parametrize("kind", ["sliced", "grouped"])


class Case(NamedTuple):
    """Three slots' rows, and which token and review is whose."""

    rows: PackRows
    tokens: list[slice]
    reviews: list[slice]
    scales: list[float]


def make_slot(number: int, dropout: float, head_dropout: float, *, seed: int = 3) -> Placed:
    spec = QloraParams(rank=WIDTH, alpha=32 * (number + 1), dropout=dropout, head_dropout=head_dropout)
    return Placed(spec=spec, layers=frozenset({0}), device=torch.device("cpu"), seed=seed + number)


def make_case(kind: str, *, training: bool = True) -> Case:
    parts = [
        (Part(number, np.arange(100 * number, 100 * number + 100)), make_slot(number, *shares))
        for number, shares in enumerate(SHARES)
    ]
    if kind == "sliced":
        rows: Any = SlicedRows(_spans(parts, TOKENS), training=training)
    else:
        shape = PassShape.exactly(LENGTHS)
        staged = stage(parts, TOKENS, LABELS if training else None, shape, len(SHARES))
        rows = views(staged.buffer, shape, len(SHARES), staged.lengths).rows
    reviews = [slice(100 * number, 100 * number + 100) for number in range(len(SHARES))]
    tokens = [slice(40 * own.start, 40 * own.stop) for own in reviews]
    return Case(rows, tokens, reviews, [slot.scale for _, slot in parts])


def identity_adapters() -> LayerAdapters:
    """Whose product is the dropped input itself, times the scale."""
    eye = torch.eye(WIDTH).expand(len(SHARES), -1, -1).contiguous()
    return LayerAdapters(0, torch.tensor(77, dtype=torch.int32), eye, eye, eye, 0)


def adapted(case: Case) -> Tensor:
    states = torch.ones(1, len(LENGTHS) * 40, WIDTH)
    return case.rows.adapted(torch.zeros_like(states), states, identity_adapters())[0]


def assert_dropped(values: Tensor, share: float, kept: float) -> None:
    """The share, within five standard deviations, is zero and the rest is `kept`: the mean stays what it was."""
    left_out = values == 0
    deviation = (share * (1 - share) / values.numel()) ** 0.5
    assert float(left_out.double().mean()) == pytest.approx(share, abs=5 * deviation)
    torch.testing.assert_close(values[~left_out], torch.full_like(values[~left_out], kept), rtol=1e-6, atol=0)


@KINDS
def test_each_slot_leaves_its_own_share_of_its_adapters_inputs_out_and_keeps_their_mean(kind: str) -> None:
    case = make_case(kind)
    values = adapted(case)
    for (share, _), own, scale in zip(SHARES, case.tokens, case.scales, strict=True):
        assert_dropped(values[own], share, scale / (1 - share))


@KINDS
def test_each_slot_leaves_its_own_share_of_its_heads_inputs_out_and_keeps_their_mean(kind: str) -> None:
    case = make_case(kind)
    values = case.rows.head_dropped(torch.ones(len(LENGTHS), WIDTH))
    for (_, share), own in zip(SHARES, case.reviews, strict=True):
        assert_dropped(values[own], share, 1 / (1 - share))


@KINDS
def test_the_base_models_own_dropout_is_as_it_is_without_a_pack(kind: str) -> None:
    case = make_case(kind)
    ones = torch.ones(1, len(LENGTHS) * 40, WIDTH)
    values = case.rows.dropped(ones, HIDDEN, torch.tensor(5, dtype=torch.int32))[0]
    for own in case.tokens:
        assert_dropped(values[own], HIDDEN, 1 / (1 - HIDDEN))
    assert torch.equal(case.rows.dropped(ones, 0.0, torch.tensor(5, dtype=torch.int32)), ones)


@KINDS
def test_nothing_is_dropped_and_nothing_grows_in_evaluation(kind: str) -> None:
    case = make_case(kind, training=False)
    ones, pooled = torch.ones(1, len(LENGTHS) * 40, WIDTH), torch.ones(len(LENGTHS), WIDTH)
    values = adapted(case)
    for own, scale in zip(case.tokens, case.scales, strict=True):
        torch.testing.assert_close(values[own], torch.full_like(values[own], scale), rtol=1e-6, atol=0)
    assert torch.equal(case.rows.head_dropped(pooled), pooled)
    assert torch.equal(case.rows.dropped(ones, HIDDEN, torch.tensor(5, dtype=torch.int32)), ones)


def masks_of(slot: Placed, parts: list[Part]) -> tuple[Tensor, Tensor]:
    """What by masks of a GPU is kept of a slot's ones, of the adapter and of the head, part after part."""
    of_tokens, of_reviews = [], []
    for part in parts:
        shape = PassShape.exactly(LENGTHS[part.rows])
        staged = stage([(part, slot)], TOKENS, LABELS, shape, 1)
        rows = views(staged.buffer, shape, 1, staged.lengths).rows
        eye = torch.eye(WIDTH)[None]
        ones = torch.ones(1, shape.tokens, WIDTH)
        adapters = LayerAdapters(0, torch.tensor(77, dtype=torch.int32), eye, eye, eye, 0)
        of_tokens.append(rows.adapted(torch.zeros_like(ones), ones, adapters)[0] != 0)
        of_reviews.append(rows.head_dropped(torch.ones(shape.reviews, WIDTH)) != 0)
    return torch.cat(of_tokens), torch.cat(of_reviews)


def test_a_batch_that_is_cut_into_passes_has_the_masks_of_the_whole_one() -> None:
    slot = make_slot(0, 0.3, 0.3)
    whole = masks_of(slot, [Part(0, np.arange(10))])
    cut = masks_of(slot, [Part(0, np.arange(4)), Part(0, np.arange(4, 10), tokens_before=160, rows_before=4)])
    assert all(map(torch.equal, whole, cut))


def test_masks_follow_from_the_seed_and_the_step() -> None:
    part = [Part(0, np.arange(10))]
    slot = make_slot(0, 0.3, 0.3)
    first = masks_of(slot, part)
    assert all(map(torch.equal, first, masks_of(make_slot(0, 0.3, 0.3), part)))
    slot.steps += 1
    for other in (masks_of(slot, part), masks_of(make_slot(0, 0.3, 0.3, seed=4), part)):
        for one, own in zip(first, other, strict=True):
            # Two unrelated masks agree where both keep a value or both leave it out.
            assert float((one == own).double().mean()) == pytest.approx(0.7**2 + 0.3**2, abs=0.06)
