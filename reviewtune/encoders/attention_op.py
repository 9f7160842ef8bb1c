"""Attention of packed reviews as an operation that autograd and torch.compile know, by `encoders.attention_kernels`.

Shape letters: `B` reviews, `T` tokens of all of them, `H` heads, `E` width of a head, `L` tokens of the longest.
"""

from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor, library

from reviewtune.encoders.attention_kernels import backward_kernel, forward_kernel

FORWARD = {"BLOCK": 64, "SHARERS": 4, "num_warps": 4, "num_stages": 2}
BACKWARD = {"BLOCK": 64, "SHARERS": 4, "num_warps": 4, "num_stages": 1}
"""Tokens of a block, programs that share a head of a long review, and how each runs; the fastest on an H100."""

ANY_STRIDES = (torch.Tag.flexible_layout,)
"""The kernels read states as they lie: compiled code need not arrange them first."""


@dataclass(frozen=True, eq=False)
class States:
    """What attention reads.

    Attributes:
        query, key, value: (1, H, T, E).
        ends: (B + 1,) int32 first token of each review, and T.
        order: (B,) int32 the reviews, longest first, so that no long one starts last.
        bias: (1, H, L, L) added to the scores, by place of query and key.
        scale: Of the products of query and key.
        window: A token sees those less than this far away; 0: all of its review.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    ends: Tensor
    order: Tensor
    bias: Tensor | None
    scale: float
    window: int

    def arguments(self, output: Tensor, divisors: Tensor, after: tuple[Tensor, ...] = ()) -> list[Any]:
        """Of a kernel."""
        _, heads, tokens, width = self.query.shape
        strides = [length for state in (self.query, self.key, self.value) for length in strides_of(state)]
        bias = self.bias if self.bias is None or self.bias.stride(3) == 1 else self.bias.contiguous()
        of_bias = (0, 0) if bias is None else bias.stride()[1:3]
        return [
            *(self.query, self.key, self.value, self.ends, self.order, self.query if bias is None else bias),
            *(output, divisors, *after, *strides, heads * width, tokens, *of_bias, heads, self.scale, self.window),
        ]

    def launch(self, kernel: Any, arguments: list[Any], how: dict[str, int]) -> None:
        """Run a kernel, `SHARERS` programs for each head of each review."""
        _, heads, _, width = self.query.shape
        # Triton launches on the current device, whichever holds the tensors.
        with torch.cuda.device_of(self.query):  # type: ignore[no-untyped-call]
            kernel[heads * how["SHARERS"], len(self.order)](
                *arguments,
                WIDTH=width,
                ROOM=max(16, triton.next_power_of_2(width)),
                HAS_WINDOW=self.window > 0,
                HAS_BIAS=self.bias is not None,
                **how,
            )


def strides_of(state: Tensor) -> tuple[int, int, int]:
    """Of tokens, heads and a head's values of a (1, H, T, E) state."""
    _, of_head, of_token, of_value = state.stride()
    return of_token, of_head, of_value


def _output_for(query: Tensor) -> Tensor:
    """(1, T, H, E), as a query's tokens lie."""
    one, heads, tokens, width = query.shape
    return query.new_empty(one, tokens, heads, width)


def _divisors_for(query: Tensor) -> Tensor:
    return query.new_empty(query.shape[1:3], dtype=torch.float32)


def _gradients_for(query: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(1, H, T, E) each, token after token: as the products before attention read them, without a copy."""
    query, key, value = (_output_for(query).transpose(1, 2) for _ in range(3))
    return query, key, value


@library.custom_op("reviewtune::attend_reviews", mutates_args=(), tags=ANY_STRIDES)
def attend_reviews(  # noqa: PLR0917  an operation's arguments have places
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ends: Tensor,
    order: Tensor,
    bias: Tensor | None,
    scale: float,
    window: int,
) -> tuple[Tensor, Tensor]:
    """(1, T, H, E) attention of each review within itself, and (H, T) float32 what each token's shares were divided by.

    The second is a logarithm, base 2, and has no gradient; nor has the bias.

    Args:
        query: As in `States`, like those that follow.
        key: (1, H, T, E).
        value: (1, H, T, E).
        ends: (B + 1,).
        order: (B,).
        bias: (1, H, L, L).
        scale: Of scores.
        window: In tokens.
    """
    states = States(query, key, value, ends, order, bias, scale, window)
    output, divisors = _output_for(query), _divisors_for(query)
    states.launch(forward_kernel, states.arguments(output, divisors), FORWARD)
    return output, divisors


@library.custom_op("reviewtune::attend_reviews_backward", mutates_args=(), tags=ANY_STRIDES)
def attend_reviews_backward(  # noqa: PLR0917  as above
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    ends: Tensor,
    order: Tensor,
    bias: Tensor | None,
    output: Tensor,
    divisors: Tensor,
    scale: float,
    window: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """(1, H, T, E) gradients of query, key and value, given that of the output."""
    states = States(query, key, value, ends, order, bias, scale, window)
    found = _gradients_for(query)
    arguments = [gradient, *strides_of(gradient.transpose(1, 2)), *states.arguments(output, divisors, found)]
    states.launch(backward_kernel, arguments, BACKWARD)
    return found


def _differentiate(context: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    found = attend_reviews_backward(gradient, *context.saved_tensors, context.scale, context.window)
    return (*found, *[None] * 5)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.scale, ctx.window = inputs
    ctx.save_for_backward(*tensors, *output)
    ctx.mark_non_differentiable(output[1])


attend_reviews.register_fake(lambda query, *_: (_output_for(query), _divisors_for(query)))
attend_reviews_backward.register_fake(lambda _, query, *__: _gradients_for(query))
attend_reviews.register_autograd(_differentiate, setup_context=_remember)
