"""The attention function that transformers calls on packed rows: each review attends within itself.

On a GPU in half precision one kernel of ours takes all reviews (`encoders.attention_kernels`). Elsewhere reviews of
like length go together, padded to their longest inside attention alone; on a CPU only those of equal length, which need
neither padding nor a mask.

Shape letters: `B` reviews of a batch or group, `T` tokens of all of them, `L` tokens of the longest, `H` heads, `E`
width of a head.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from reviewtune.encoders.layout import Layout, LengthGroup

KERNEL_DEVICE, WIDEST_HEAD = "cuda", 128
"""Where the kernel runs, and how many values of a head it holds at once."""
HAS_TRITON = find_spec("triton") is not None
"""Found out once: to ask, as to import, inside a layer can cut its compiled code in two."""


@dataclass(frozen=True, eq=False)
class Scores:
    """How the products of query and key become attention scores.

    Attributes:
        scale: Their factor; None: one over the square root of E.
        window: A token sees those less than this far away; None: all of its review.
        bias: (1, H, L, L) added to them, by place of query and key.
    """

    scale: float | None
    window: int | None
    bias: Tensor | None


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: Layout | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    position_bias: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """(1, T, H, E) attention output and no weights, as transformers' attention interface asks for them.

    Args:
        module: The attention layer.
        query: (1, H, T, E).
        key: (1, H, T, E).
        value: (1, H, T, E).
        attention_mask: Of a padded batch.
        layout: How the tokens divide into reviews; without it the batch is an ordinary padded one.
        scaling: As in `Scores`.
        sliding_window: As in `Scores`.
        position_bias: As in `Scores`.
        options: Of a padded batch.
    """
    scores = Scores(scaling, sliding_window, position_bias)
    if layout is None:
        return _padded(module, (query, key, value), attention_mask, scores, options), None
    layout.is_used = True
    states = [query, key, value]
    if torch.is_autocast_enabled(query.device.type):
        # Rotated queries and keys may be float32; autocast knows nothing of the kernel.
        states = [tensor.to(torch.get_autocast_dtype(query.device.type)) for tensor in states]
    if _has_kernel(states[0], scores):
        return _by_kernel(states, layout, scores), None
    return _by_groups([tensor[0].transpose(0, 1) for tensor in states], layout, scores)[None], None


def mask_of_padded_rows(*, attention_mask: Tensor | None, **options: Any) -> Tensor | None:
    """The mask of a padded batch; none for packed rows, whose layout says who sees whom."""
    from transformers.masking_utils import sdpa_mask

    if attention_mask is None:
        return None
    mask: Tensor | None = sdpa_mask(attention_mask=attention_mask, **options)
    return mask


def _padded(
    module: Any,
    states: tuple[Tensor, Tensor, Tensor],
    attention_mask: Tensor | None,
    scores: Scores,
    options: dict[str, Any],
) -> Tensor:
    """(B, L, H, E) attention of an ordinary batch of (B, H, L, E) states, as transformers computes it."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is None and scores.window is not None:
        attention_mask = _near(states[0].shape[2], scores.window, states[0].device)[None, None]
    if scores.bias is not None:
        options = {**options, "position_bias": scores.bias}
    output: Tensor = sdpa_attention_forward(
        module, *states, attention_mask, scaling=scores.scale, is_causal=False, **options
    )[0]
    return output


def _has_kernel(query: Tensor, scores: Scores) -> bool:
    """Whether the kernel takes (1, H, T, E) queries like these."""
    frozen = scores.bias is None or not (scores.bias.requires_grad and torch.is_grad_enabled())
    return frozen and takes_any_length(query.device, query.dtype, query.shape[3])


def takes_any_length(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Whether there is a kernel for reviews of any length: in half precision, on an Ampere or newer GPU, with Triton.

    Args:
        device: Where the states are.
        dtype: Theirs.
        width: E.
    """
    return (
        HAS_TRITON
        and device.type == KERNEL_DEVICE
        and dtype in (torch.bfloat16, torch.float16)
        and width <= WIDEST_HEAD
        and torch.cuda.get_device_capability(device) >= (8, 0)
    )


def _by_kernel(states: list[Tensor], layout: Layout, scores: Scores) -> Tensor:
    """(1, T, H, E) attention of (1, H, T, E) states in one kernel, `encoders.attention_op`."""
    query, key, value = states
    scale = query.shape[3] ** -0.5 if scores.scale is None else scores.scale
    reviews = layout.boundaries, layout.longest_first
    output: Tensor = torch.ops.reviewtune.attend_reviews(
        query, key, value, *reviews, scores.bias, scale, scores.window or 0
    )[0]
    return output


def _by_groups(states: list[Tensor], layout: Layout, scores: Scores) -> Tensor:
    """(T, H, E) attention of (T, H, E) states, group after group of like length."""
    if layout.order is not None:
        states = [tensor[layout.order[0]] for tensor in states]
    # One split, not a slice a group: the gradient of every slice would be as large as the whole.
    pieces = [torch.split(tensor, [group.size for group in layout.groups]) for tensor in states]
    outputs = []
    for number, (group, piece) in enumerate(zip(layout.groups, zip(*pieces, strict=True), strict=True)):
        query, key, value = (_block(tensor, group) for tensor in piece)
        mask = _mask_of(layout, number, scores)
        output = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scores.scale)
        output = output.transpose(1, 2).flatten(0, 1)
        outputs.append(output if group.real is None else output[group.real])
    joined = torch.cat(outputs)
    return joined if layout.order is None else joined[layout.order[1]]


def _block(tensor: Tensor, group: LengthGroup) -> Tensor:
    """(B, H, L, E) states of a group's (size, H, E) tokens."""
    padded = tensor if group.index is None else tensor[group.index]
    return padded.view(*group.shape, *tensor.shape[1:]).transpose(1, 2)


def _mask_of(layout: Layout, number: int, scores: Scores) -> Tensor | None:
    """The mask of a group, made by the first layer that needs it: T5's layers share one bias, and its size is B L^2."""
    wanted = (number, scores.window, id(scores.bias))
    if wanted not in layout.masks:
        made = _mask(layout.groups[number], scores, layout.boundaries.device)
        # With the bias, so that no other one can get its id.
        layout.masks[wanted] = (scores.bias, made)
    mask: Tensor | None = layout.masks[wanted][1]
    return mask


def _mask(group: LengthGroup, scores: Scores, device: torch.device) -> Tensor | None:
    """What a query may see (bool) or what is added to its scores (float); None where neither is needed."""
    length, mask = group.shape[1], group.is_real
    if scores.window is not None and scores.window < length:
        near = _near(length, scores.window, device)
        # A query at padding sees whatever is real: softmax over nothing is not a number.
        mask = near if mask is None else mask & (near | ~mask.transpose(2, 3))
    if scores.bias is None:
        return mask
    bias = scores.bias[..., :length, :length]
    return bias if mask is None else bias.masked_fill(~mask, -torch.inf)


def _near(length: int, window: int, device: torch.device) -> Tensor:
    """(L, L) bool: places less than `window` away from one another."""
    place = torch.arange(length, device=device)
    return (place - place[:, None]).abs() < window
