"""All that a pass on a GPU reads of its rows, in one buffer: a single copy moves it, and its place never changes.

Passes are rounded up to a few shapes, so that one recording of a pass serves many (`packed.graphs`). The tokens that
round it up make reviews of their own, of no weight, at the end.

Shape letters: `K` slots, `T` tokens and `B` reviews of a pass, rounded up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reviewtune.adapters.packed.batch import Part
from reviewtune.adapters.packed.grouped import Columns, GroupedRows
from reviewtune.adapters.packed.masks import scattered, threshold
from reviewtune.adapters.packed.slot import Placed
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.packing import PackedRows, places

OF_TOKENS = ("ids", "positions", "row", "seeds", "kept", "gain", "scale")
OF_REVIEWS = ("head_seeds", "head_kept", "head_gain", "labels", "slot", "weight")
FLOATS = frozenset({"gain", "scale", "head_gain", "weight"})


@dataclass(frozen=True)
class PassShape:
    """A pass's size, rounded up.

    Attributes:
        tokens, reviews: T and B.
        longest: At least the tokens of the longest review.
        filler: Most tokens of a review that rounds the pass up: as many as a real one has, so that the base model has
            positions for them.
    """

    tokens: int
    reviews: int
    longest: int
    filler: int

    @classmethod
    def around(cls, lengths: NDArray[np.int64], most: int) -> "PassShape":
        """The shape for reviews of these lengths: at most a thirty-second more tokens, or 256.

        Args:
            lengths: Of a pass's reviews.
            most: Tokens of the longest review of any pass. Compiled code knows the power of two above it by heart,
                as the size of T5's bias.
        """
        tokens = int(lengths.sum())
        room = _rounded(tokens, parts=32, least=256)
        padding = -(-(room - tokens) // most)
        longest = 1 << max(7, (most - 1).bit_length())
        return cls(room, _rounded(len(lengths) + padding, parts=4, least=32), longest, most)

    @classmethod
    def exactly(cls, lengths: NDArray[np.int64]) -> "PassShape":
        """The shape of reviews of these lengths and no others."""
        longest = int(lengths.max(initial=1))
        return cls(int(lengths.sum()), len(lengths), longest, longest)


@dataclass(frozen=True, eq=False)
class Staged:
    """A pass's rows on the host.

    Attributes:
        buffer: Int32, floats by their bits.
        lengths: (B,) tokens of each review, those that round the pass up among them.
    """

    buffer: Tensor
    lengths: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PassInputs:
    """A pass's rows, as views of one buffer.

    Attributes:
        packed: The tokens.
        rows: Of the slots.
        labels: (B,) 1 = fake.
        slot: (B,) which slot each review is of.
        weight: (B,) of its loss; 0 for reviews that only round the pass up.
    """

    packed: PackedRows
    rows: GroupedRows
    labels: Tensor
    slot: Tensor
    weight: Tensor


def buffer_size(shape: PassShape, slots: int) -> int:
    """Values of a pass's buffer, of 4 bytes each."""
    return len(OF_TOKENS) * shape.tokens + len(OF_REVIEWS) * shape.reviews + shape.reviews + 1 + slots + 1


def stage(
    parts: Sequence[tuple[Part, Placed]],
    tokens: Tokens,
    labels: NDArray[np.int64] | None,
    shape: PassShape,
    slots: int,
) -> Staged:
    """A pass's rows on the host.

    Args:
        parts: At most one of each slot, in the order of the slots.
        tokens: The reviews that their rows number.
        labels: Of all of them; None for evaluation, without loss and dropout.
        shape: For their lengths.
        slots: K.
    """
    rows = np.concatenate([part.rows for part, _ in parts])
    lengths = tokens.lengths[rows]
    padding = _padding(shape, lengths)
    all_lengths = np.concatenate([lengths, padding])
    reviews = np.array([len(part.rows) for part, _ in parts])
    counts = np.array([int(tokens.lengths[part.rows].sum()) for part, _ in parts])
    ends = np.zeros(slots, dtype=np.int64)
    ends[[part.slot for part, _ in parts]] = counts
    ends = np.cumsum(ends)
    ends[-1] = shape.tokens
    seeds = [slot.step_seed() for _, slot in parts]
    training = float(labels is not None)
    dropout = [slot.spec.dropout * training for _, slot in parts]
    head_dropout = [slot.spec.head_dropout * training for _, slot in parts]
    positions = places(all_lengths)
    fields: dict[str, NDArray[np.generic]] = {
        "ids": tokens.ids[np.repeat(tokens.offsets[rows], lengths) + positions[: counts.sum()]],
        "positions": positions,
        "row": np.repeat(np.arange(shape.reviews), all_lengths),
        "seeds": _seeds([seed + part.tokens_before for seed, (part, _) in zip(seeds, parts, strict=True)], counts),
        "kept": np.repeat([threshold(share) for share in dropout], counts),
        "gain": np.repeat([1 / (1 - share) for share in dropout], counts),
        "scale": np.repeat([slot.scale for _, slot in parts], counts),
        "head_seeds": _seeds([seed + part.rows_before for seed, (part, _) in zip(seeds, parts, strict=True)], reviews),
        "head_kept": np.repeat([threshold(share) for share in head_dropout], reviews),
        "head_gain": np.repeat([1 / (1 - share) for share in head_dropout], reviews),
        "labels": labels[rows] if labels is not None else np.zeros(0, np.int64),
        "slot": np.repeat([part.slot for part, _ in parts], reviews),
        "weight": np.repeat([part.weight for part, _ in parts], reviews),
    }
    # The tokens that round a pass up are the last slot's: what it computes of them must reach no other.
    fields["slot"] = np.append(fields["slot"], np.full(shape.reviews - len(rows), slots - 1))
    buffer = torch.zeros(buffer_size(shape, slots), dtype=torch.int32, pin_memory=torch.cuda.is_available())
    for name, place in _places(buffer, shape).items():
        kind = np.float32 if name in FLOATS else np.int32
        place[: len(fields[name])] = torch.from_numpy(fields[name].astype(kind))
    boundaries, ending, switch = _ends(buffer, shape, slots)
    boundaries[1:] = torch.from_numpy(np.cumsum(all_lengths).astype(np.int32))
    ending.copy_(torch.from_numpy(ends.astype(np.int32)))
    switch.fill_(training)
    return Staged(buffer, all_lengths)


def views(buffer: Tensor, shape: PassShape, slots: int, lengths: NDArray[np.int64] | None = None) -> PassInputs:
    """A pass's rows on the device, as views of its buffer there.

    Args:
        buffer: On the device.
        shape: Of the pass.
        slots: K.
        lengths: (B,) of its reviews, for attention that takes them in groups; None where a kernel reads the buffer's
            boundaries alone, so that a recording of the pass serves reviews of other lengths.
    """
    places_ = _places(buffer, shape)
    boundaries, ends, training = _ends(buffer, shape, slots)
    column = {name: place[:, None] for name, place in places_.items()}
    for name in OF_TOKENS:
        # Softly: code that is compiled for a first length serves the others too.
        torch._dynamo.maybe_mark_dynamic(column[name], 0)  # noqa: SLF001
    torch._dynamo.maybe_mark_dynamic(boundaries, 0)  # noqa: SLF001
    return PassInputs(
        packed=PackedRows(
            input_ids=places_["ids"],
            positions=places_["positions"],
            row=places_["row"],
            boundaries=boundaries,
            lengths=np.full(shape.reviews, shape.longest) if lengths is None else lengths,
        ),
        rows=GroupedRows(
            ends,
            column["scale"],
            Columns(column["seeds"], column["kept"], column["gain"]),
            Columns(column["head_seeds"], column["head_kept"], column["head_gain"]),
            training,
        ),
        labels=places_["labels"].long(),
        slot=places_["slot"],
        weight=places_["weight"],
    )


def _places(buffer: Tensor, shape: PassShape) -> dict[str, Tensor]:
    """Views of the fields of tokens and reviews, by name."""
    names = [*OF_TOKENS, *OF_REVIEWS]
    sizes = [shape.tokens] * len(OF_TOKENS) + [shape.reviews] * len(OF_REVIEWS)
    pieces = torch.split(buffer, [*sizes, buffer.numel() - sum(sizes)])
    return {
        name: piece.view(torch.float32) if name in FLOATS else piece for name, piece in zip(names, pieces, strict=False)
    }


def _ends(buffer: Tensor, shape: PassShape, slots: int) -> tuple[Tensor, Tensor, Tensor]:
    """Views of the reviews' boundaries, the slots' ends, and whether the pass trains."""
    boundaries, ends, switch = torch.split(buffer[-(shape.reviews + 2 + slots) :], [shape.reviews + 1, slots, 1])
    return boundaries, ends, switch.view(torch.float32)[0]


def _padding(shape: PassShape, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths of the reviews that round a pass up; most have none."""
    left = shape.tokens - int(lengths.sum())
    padding = np.zeros(shape.reviews - len(lengths), dtype=np.int64)
    whole, rest = divmod(left, shape.filler)
    padding[:whole] = shape.filler
    if rest:
        padding[whole] = rest
    return padding


def _seeds(seeds: Sequence[int], counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Another number for each token, or review, of each slot, from its place after the slot's seed."""
    return scattered(np.concatenate([np.arange(count) for count in counts]) + np.repeat(seeds, counts))


def _rounded(value: int, *, parts: int, least: int) -> int:
    """`value` rounded up to one of `parts` steps between powers of two, each a multiple of `least`."""
    step = max(least, (1 << max(0, value.bit_length() - 1)) // parts)
    return max(1, -(-value // step)) * step
