"""A frozen encoder over real tokens alone: reviews lie one after the other and attend each within itself.

Every layer but attention treats each token by itself, so these never see padding. Attention gets its reviews'
boundaries by way of transformers' attention interface. Architectures that have not been shown to give the same numbers
this way run padded, behind the same functions.

Shape letters: `B` reviews of a batch, `T` tokens of all of them, `L` tokens of the longest, `D` hidden width.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reviewtune.encoders.architectures import UNPADDED, architecture_of
from reviewtune.encoders.layout import Layout, rows_of_like_length
from reviewtune.encoders.packed_attention import HAS_TRITON, mask_of_padded_rows, packed_attention, takes_any_length
from reviewtune.encoders.packing import PackedRows, pad_rows, select_rows, tokens_of
from reviewtune.encoders.t5 import is_t5, relative_positions_up_to
from reviewtune.errors import EncoderError

ATTENTION = "reviewtune_packed"
"""The name under which transformers knows the attention function."""

MODEL_PADDING = 0.25
"""Share of the longest review by which others may be shorter that the padded model takes with it."""


def supports_unpadded(backbone: nn.Module) -> bool:
    """Whether `hidden_states` runs this encoder without padding; otherwise it pads, with the same result.

    From the first call on the attention of an encoder that does is this module's. It still takes padded batches.
    """
    module: Any = backbone
    if module.config.model_type not in UNPADDED:
        return False
    if _attention(module) != ATTENTION:
        _register()
        module.set_attn_implementation(ATTENTION)
    # An older transformers leaves some architectures as they were.
    return _attention(module) == ATTENTION


def takes_reviews_of_any_length(backbone: nn.Module) -> bool:
    """Whether one kernel attends packed reviews of any length in this encoder, as it is held on its device.

    That is in half precision on an Ampere or newer GPU, with Triton, for heads that are not too wide.
    """
    module: Any = backbone
    weight = next(backbone.parameters())
    heads = getattr(module.config, "num_attention_heads", None)
    if heads is None:
        return False
    width = getattr(module.config, "head_dim", None) or module.config.hidden_size // heads
    return takes_any_length(weight.device, module.dtype, width)


def hidden_states(backbone: nn.Module, packed: PackedRows) -> Tensor:
    """(T, D) last hidden states of the real tokens, in the order of `packed`; gradients flow to adapters.

    The tokens pass through the backbone's layers in that order, as (1, T, D). The dropout of attention weights is left
    out: no kernel for packed reviews has it.

    Args:
        backbone: An encoder of transformers.
        packed: On the backbone's device.

    Raises:
        EncoderError: This transformers does not hand attention the reviews' boundaries.
    """
    if not len(packed.input_ids):
        config: Any = backbone.config
        return torch.zeros(0, config.hidden_size, device=packed.input_ids.device)
    if not supports_unpadded(backbone):
        return _padded_hidden_states(backbone, packed)
    layout = Layout(packed)
    with relative_positions_up_to(backbone, packed.longest):
        output = backbone(input_ids=packed.input_ids[None], layout=layout, **_positions(backbone, packed))
    if not layout.is_used:
        # Every review has attended to all the others.
        raise EncoderError(
            f"transformers {version('transformers')} cannot run {type(backbone).__name__} over packed reviews: "
            "install a newer one"
        )
    states: Tensor = output.last_hidden_state[0]
    return states


def mean_pool(hidden: Tensor, packed: PackedRows) -> Tensor:
    """(B, D) float32 mean of each review's hidden states; zero for a review without any token.

    Args:
        hidden: (T, D) as `hidden_states` gives them.
        packed: The reviews.
    """
    sums = hidden.new_zeros(len(packed), hidden.shape[1], dtype=torch.float32)
    sums = sums.index_add(0, packed.row, hidden.to(torch.float32))
    return sums / packed.boundaries.diff().clamp(min=1).unsqueeze(1)


@cache
def _register() -> None:
    from transformers.masking_utils import AttentionMaskInterface
    from transformers.modeling_utils import AttentionInterface

    if HAS_TRITON and torch.cuda.is_available():
        # Makes the operation known to torch.
        import_module("reviewtune.encoders.attention_op")
    AttentionInterface.register(ATTENTION, packed_attention)
    AttentionMaskInterface.register(ATTENTION, mask_of_padded_rows)


def _attention(backbone: Any) -> str:
    name: str = backbone.config._attn_implementation  # noqa: SLF001  transformers has no other way to ask
    return name


def _positions(backbone: nn.Module, packed: PackedRows) -> dict[str, Tensor]:
    """What the backbone is told of positions; T5 knows relative ones alone."""
    if is_t5(backbone):
        return {}
    config: Any = backbone.config
    offset = config.pad_token_id + 1 if architecture_of(config.model_type).positions_after_padding else 0
    return {"position_ids": packed.positions[None] + offset}


def _padded_hidden_states(backbone: nn.Module, packed: PackedRows) -> Tensor:
    """`hidden_states` by the padded model, which takes reviews of like length together."""
    config: Any = backbone.config
    groups = rows_of_like_length(packed.lengths, MODEL_PADDING)
    states = []
    for rows in groups:
        group = select_rows(packed, rows)
        input_ids, mask = pad_rows(group, config.pad_token_id or 0)
        padded = backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state
        states.append(padded[group.row, group.positions])
    back = np.argsort(tokens_of(packed.lengths, np.concatenate(groups)))
    return torch.cat(states)[torch.from_numpy(back).to(packed.row.device)]
