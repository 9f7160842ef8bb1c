"""The grouped products of GPUs, run on a CPU, beside the slices of CPUs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.adapters.packed.batch import Part
from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.grouped_passes import GroupedPasses, learn
from reviewtune.adapters.packed.lora import PackedDropout
from reviewtune.adapters.packed.pack import AdapterPack
from reviewtune.adapters.packed.slot import Placed
from reviewtune.adapters.packed.staging import PassShape, stage, views
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.families.qlora import QloraParams

SLOTS = 5
LENGTHS = [7, 3, 30, 12, 1, 22, 9, 15, 4, 18, 2, 26]
TOKENS = from_lists([np.arange(4, 4 + length) for length in LENGTHS])
FAKE = np.arange(len(LENGTHS)) % 2 == 0
SPECS = [
    QloraParams(rank=4, alpha=8, learning_rate=1e-2, batch_size=3, dropout=0.0, head_dropout=0.0, epochs=2),
    QloraParams(
        rank=8, alpha=8, learning_rate=1e-2, batch_size=5, dropout=0.0, head_dropout=0.0, epochs=2,
        target="all-linear", rslora=True,
    ),
    QloraParams(rank=1, alpha=16, learning_rate=1e-2, batch_size=12, dropout=0.0, head_dropout=0.0, epochs=1),
]  # fmt: skip


def make_pack(base: Path, *, grouped: bool, base_dropout: bool = False) -> AdapterPack:
    backbone = borrow_backbone(resolve_encoder(str(base)), "none")
    pack = AdapterPack(backbone, TOKENS, FAKE, PackRoom(SLOTS, 8, "all-linear", 80), seed=0)
    if not base_dropout:
        for module in backbone.modules():
            if isinstance(module, PackedDropout):
                module.p = 0.0
    if grouped:
        pack.passes = GroupedPasses(pack.model, pack._losses)
    return pack


def run(pack: AdapterPack, specs: list[QloraParams]) -> tuple[dict[int, list[float]], np.ndarray]:
    for number, spec in enumerate(specs):
        pack.slot(pack.admit(str(number), spec)).begin_leg()
    losses: dict[int, list[float]] = {}
    while pack.busy:
        for index in pack.step():
            losses.setdefault(index, []).append(pack.take_loss(index))
            if not pack.slot(index).is_done:
                pack.slot(index).begin_leg()
    return losses, pack.scores(list(range(len(specs))), TOKENS)


@pytest.mark.parametrize("model_type", ["bert", "gte", "modernbert", "t5", "roberta"])
def test_grouped_products_train_as_slices_do(tiny_base: Callable[[str], Path], model_type: str) -> None:
    base = tiny_base(model_type)
    losses, scores = run(make_pack(base, grouped=True), SPECS)
    expected, expected_scores = run(make_pack(base, grouped=False), SPECS)
    assert losses.keys() == expected.keys()
    for index, own in losses.items():
        np.testing.assert_allclose(own, expected[index], atol=1e-5)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-4)


def test_dropout_by_masks_depends_on_no_neighbour(tiny_bert: Path) -> None:
    own = SPECS[0].model_copy(update={"dropout": 0.2, "head_dropout": 0.2})
    losses, _ = run(make_pack(tiny_bert, grouped=True, base_dropout=True), [own, *SPECS[1:]])
    alone, _ = run(make_pack(tiny_bert, grouped=True, base_dropout=True), [own])
    without, _ = run(make_pack(tiny_bert, grouped=True), [SPECS[0]])
    np.testing.assert_allclose(losses[0], alone[0], atol=1e-5)
    assert abs(np.array(alone[0]) - without[0]).max() > 1e-3


def test_evaluation_has_no_dropout(tiny_bert: Path) -> None:
    """Not even where slot and base model would have much."""
    spec = SPECS[0].model_copy(update={"dropout": 0.5, "head_dropout": 0.5})
    packs = [make_pack(tiny_bert, grouped=grouped, base_dropout=True) for grouped in (True, False)]
    scores = [pack.scores([pack.admit("own", spec)], TOKENS) for pack in packs]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


def test_what_rounds_a_pass_up_carries_nothing_from_a_broken_slot_to_others(tiny_bert: Path) -> None:
    pack = make_pack(tiny_bert, grouped=True)
    slot = pack.slot(pack.admit("own", SPECS[0]))
    with torch.no_grad():
        pack.stack.values[SLOTS - 1] = float("nan")
    rows = np.arange(4)
    shape = PassShape.around(TOKENS.lengths[rows], 30)
    staged = stage([(Part(0, rows, 0.25), slot)], TOKENS, pack.labels, shape, SLOTS)
    learn(pack.model, views(staged.buffer, shape, SLOTS, staged.lengths), pack._losses)
    gradient = pack.stack.values.grad
    assert gradient is not None
    assert gradient[0].isfinite().all()
    assert gradient[0].abs().sum() > 0
    assert pack._losses.isfinite().all()


@given(
    rows=st.lists(st.lists(st.integers(0, len(LENGTHS) - 1), min_size=1, max_size=6), min_size=1, max_size=SLOTS),
    rounded=st.booleans(),
)
def test_a_pass_is_staged_whole_and_rounded_up_by_reviews_of_no_weight(rows: list[list[int]], rounded: bool) -> None:
    parts: Any = [
        (
            Part(slot, np.array(own), 0.5),
            Placed(spec=SPECS[0], layers=frozenset(), device=torch.device("cpu")),
        )
        for slot, own in enumerate(rows)
    ]
    picked = np.concatenate([np.array(own) for own in rows])
    lengths = TOKENS.lengths[picked]
    shape = PassShape.around(lengths, 30) if rounded else PassShape.exactly(lengths)
    staged = stage(parts, TOKENS, FAKE.astype(np.int64), shape, SLOTS)
    inputs = views(staged.buffer, shape, SLOTS, staged.lengths)
    ends = inputs.packed.boundaries.numpy()
    real = len(picked)
    assert ends[-1] == shape.tokens == len(inputs.packed.input_ids)
    assert len(inputs.weight) == shape.reviews == len(ends) - 1
    assert shape.tokens - lengths.sum() < max(256, shape.tokens / 16)
    for review, row in enumerate(picked):
        own = slice(ends[review], ends[review + 1])
        np.testing.assert_array_equal(inputs.packed.input_ids[own].numpy(), TOKENS[int(row)])
        assert set(inputs.packed.row[own].tolist()) == {review}
    np.testing.assert_array_equal(inputs.labels[:real].numpy(), FAKE[picked])
    np.testing.assert_array_equal(
        inputs.slot[:real].numpy(), np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    )
    # What the last slot makes of them is its own.
    assert set(inputs.slot[real:].tolist()) <= {SLOTS - 1}
    assert inputs.weight.tolist() == [0.5] * real + [0.0] * (shape.reviews - real)
    # No review is longer than real ones may be: the base model has positions for it.
    assert np.diff(ends).max() <= 30
    slot_ends = inputs.rows.ends.numpy()
    counts = [int(TOKENS.lengths[own].sum()) for own in rows]
    np.testing.assert_array_equal(slot_ends[: len(rows)][:-1], np.cumsum(counts)[:-1])
    assert slot_ends[-1] == shape.tokens
