"""T5 and FLAN-T5 as encoders: the decoder is neither loaded nor needed, and positions are relative ones alone.

transformers' `T5EncoderModel` reads the encoder's tensors out of a whole checkpoint. Its first layer makes the position
bias, (1, H, L, L) by place of query and key, and hands it to the others (Raffel et al. 2020, section 2.1). Over packed
reviews that bias is made once, for the longest review; the others take its upper left part.

Shape letters: `T` tokens of all reviews, `L` tokens of the longest, `H` heads.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

MODEL_TYPE = "t5"


def is_t5(backbone: nn.Module) -> bool:
    """Whether a backbone has T5's relative positions, and takes no `position_ids`."""
    config: Any = backbone.config
    return bool(config.model_type == MODEL_TYPE)


@contextmanager
def relative_positions_up_to(backbone: nn.Module, longest: int) -> Iterator[None]:
    """Inside, T5's layers share a (1, H, L, L) bias for the longest review, not one of (1, H, T, T) for all tokens.

    The first block gets it from outside, as all others do, so that compiled they are one and the same code.
    """

    def prepare(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        names = inspect.signature(inspect.unwrap(type(block).forward))
        given = names.bind(block, *args, **kwargs)
        own: Any
        (own,) = (part for part in block.modules() if getattr(part, "has_relative_attention_bias", False))
        given.arguments["position_bias"] = own.compute_bias(longest, longest).contiguous()
        return given.args[1:], given.kwargs

    if not is_t5(backbone):
        yield
        return
    stack: Any = getattr(backbone, "encoder", backbone)
    hook = stack.block[0].register_forward_pre_hook(prepare, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
