"""T5 and FLAN-T5 as encoders: the decoder is neither loaded nor needed, and positions are relative ones alone.

transformers' `T5EncoderModel` reads the encoder's tensors out of a whole checkpoint. Its first layer makes the position
bias, (1, H, L, L) by place of query and key, and hands it to the others (Raffel et al. 2020, section 2.1). Over packed
reviews that bias is made once for the longest review, and each group of reviews of like length takes its part.

Shape letters: `T` tokens of all reviews, `L` tokens of the longest, `H` heads.
"""

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
    """Inside, T5's layers make their (1, H, L, L) bias for the longest review, not (1, H, T, T) for all tokens."""

    def prepare(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, {**kwargs, "position_bias": module.compute_bias(longest, longest)}

    hooks = [
        module.register_forward_pre_hook(prepare, with_kwargs=True)
        for module in backbone.modules()
        if getattr(module, "has_relative_attention_bias", False)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
