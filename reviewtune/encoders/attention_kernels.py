# mypy: ignore-errors
"""Attention of packed reviews in Triton: programs that go over one head of one review alone.

Reviews are short. Kernels made for long texts work in blocks of 128 tokens and more, most of which a review of 40
leaves empty; here a block is smaller, and a review that fits one block is done in one go. A longer one is shared by
several programs. The online softmax and the backward pass that computes the scores anew are those of FlashAttention-2
(Dao 2023).

Shape letters: `B` reviews, `T` tokens of all of them, `H` heads, `E` width of a head, `L` tokens of the longest.
"""

import triton
import triton.language as tl

NEVER = tl.constexpr(-1.0e30)
"""A score so low that its share is zero. Infinity would make a row of nothing else not a number."""
LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def _load(pointer, of_token, of_head, of_column, start, head, places, tokens, WIDTH: tl.constexpr, ROOM: tl.constexpr):
    """(BLOCK, ROOM) states of a block of a review's tokens; zero past its end and past the head's width."""
    columns = tl.arange(0, ROOM)
    at = (start + places)[:, None] * of_token + head * of_head + columns[None, :] * of_column
    return tl.load(pointer + at, mask=(places < tokens)[:, None] & (columns < WIDTH)[None, :], other=0.0)


@triton.jit
def _store(pointer, stride_token, values, start, head, places, tokens, WIDTH: tl.constexpr, ROOM: tl.constexpr):
    """Write a block of a review's tokens to (T, H, E) states."""
    columns = tl.arange(0, ROOM)
    at = (start + places)[:, None] * stride_token + head * WIDTH + columns[None, :]
    inside = (places < tokens)[:, None] & (columns < WIDTH)[None, :]
    tl.store(pointer + at, values.to(pointer.dtype.element_ty), mask=inside)


@triton.jit
def _scores(query, key, of_query, of_key, tokens, scale, window, bias, bias_head, bias_query,
            HAS_WINDOW: tl.constexpr, HAS_BIAS: tl.constexpr):  # fmt: skip
    """(BLOCK, BLOCK) scores times log2(e), so that their shares are powers of two."""
    scores = tl.dot(query, tl.trans(key), input_precision="ieee") * (scale * LOG2_E)
    seen = (of_query < tokens)[:, None] & (of_key < tokens)[None, :]
    if HAS_BIAS:
        at = bias_head + of_query[:, None] * bias_query + of_key[None, :]
        scores += tl.load(bias + at, mask=seen, other=0.0).to(tl.float32) * LOG2_E
    if HAS_WINDOW:
        seen &= tl.abs(of_query[:, None] - of_key[None, :]) < window
    return tl.where(seen, scores, NEVER)


@triton.jit
def forward_kernel(query, key, value, ends, order, bias, output, divisors,
             query_token, query_head, query_column, key_token, key_head, key_column,
             value_token, value_head, value_column, output_token, total, bias_head, bias_query, heads, scale, window,
             WIDTH: tl.constexpr, ROOM: tl.constexpr, BLOCK: tl.constexpr, SHARERS: tl.constexpr,
             HAS_WINDOW: tl.constexpr, HAS_BIAS: tl.constexpr):  # fmt: skip
    """Output, and the logarithm (base 2) of what each token's shares were divided by."""
    head, sharer = tl.program_id(0) % heads, tl.program_id(0) // heads
    review = tl.load(order + tl.program_id(1))
    start = tl.load(ends + review).to(tl.int64)
    tokens = (tl.load(ends + review + 1) - start).to(tl.int32)
    block = tl.arange(0, BLOCK)
    for first in range(sharer * BLOCK, tokens, SHARERS * BLOCK):
        of_query = first + block
        q = _load(query, query_token, query_head, query_column, start, head, of_query, tokens, WIDTH, ROOM)
        top = tl.full([BLOCK], NEVER, tl.float32)
        sums = tl.zeros([BLOCK], tl.float32)
        mixed = tl.zeros([BLOCK, ROOM], tl.float32)
        for other in range(0, tokens, BLOCK):
            of_key = other + block
            k = _load(key, key_token, key_head, key_column, start, head, of_key, tokens, WIDTH, ROOM)
            v = _load(value, value_token, value_head, value_column, start, head, of_key, tokens, WIDTH, ROOM)
            scores = _scores(q, k, of_query, of_key, tokens, scale, window, bias, head * bias_head, bias_query,
                             HAS_WINDOW, HAS_BIAS)  # fmt: skip
            higher = tl.maximum(top, tl.max(scores, 1))
            shares = tl.exp2(scores - higher[:, None])
            less = tl.exp2(top - higher)
            sums = sums * less + tl.sum(shares, 1)
            mixed = mixed * less[:, None] + tl.dot(shares.to(v.dtype), v, input_precision="ieee")
            top = higher
        _store(output, output_token, mixed / sums[:, None], start, head, of_query, tokens, WIDTH, ROOM)
        tl.store(divisors + head * total + start + of_query, top + tl.log2(sums), mask=of_query < tokens)


@triton.jit
def backward_kernel(gradient, gradient_token, gradient_head, gradient_column,
              query, key, value, ends, order, bias, output, divisors, of_q, of_k, of_v,
              query_token, query_head, query_column, key_token, key_head, key_column,
              value_token, value_head, value_column, output_token, total, bias_head, bias_query, heads, scale, window,
              WIDTH: tl.constexpr, ROOM: tl.constexpr, BLOCK: tl.constexpr, SHARERS: tl.constexpr,
              HAS_WINDOW: tl.constexpr, HAS_BIAS: tl.constexpr):  # fmt: skip
    """Gradients of queries, keys and values."""
    head, sharer = tl.program_id(0) % heads, tl.program_id(0) // heads
    review = tl.load(order + tl.program_id(1))
    start = tl.load(ends + review).to(tl.int64)
    tokens = (tl.load(ends + review + 1) - start).to(tl.int32)
    block = tl.arange(0, BLOCK)
    for other in range(sharer * BLOCK, tokens, SHARERS * BLOCK):
        of_key = other + block
        k = _load(key, key_token, key_head, key_column, start, head, of_key, tokens, WIDTH, ROOM)
        v = _load(value, value_token, value_head, value_column, start, head, of_key, tokens, WIDTH, ROOM)
        key_sum = tl.zeros([BLOCK, ROOM], tl.float32)
        value_sum = tl.zeros([BLOCK, ROOM], tl.float32)
        for first in range(0, tokens, BLOCK):
            of_query = first + block
            q = _load(query, query_token, query_head, query_column, start, head, of_query, tokens, WIDTH, ROOM)
            g = _load(
                gradient, gradient_token, gradient_head, gradient_column, start, head, of_query, tokens, WIDTH, ROOM
            )
            o = _load(output, output_token, WIDTH, 1, start, head, of_query, tokens, WIDTH, ROOM)
            divisor = tl.load(divisors + head * total + start + of_query, mask=of_query < tokens, other=0.0)
            scores = _scores(q, k, of_query, of_key, tokens, scale, window, bias, head * bias_head, bias_query,
                             HAS_WINDOW, HAS_BIAS)  # fmt: skip
            shares = tl.exp2(scores - divisor[:, None])
            value_sum += tl.dot(tl.trans(shares.to(g.dtype)), g, input_precision="ieee")
            drawn = tl.sum(g.to(tl.float32) * o.to(tl.float32), 1)
            of_shares = tl.dot(g, tl.trans(v), input_precision="ieee") - drawn[:, None]
            of_scores = (shares * of_shares * scale).to(q.dtype)
            key_sum += tl.dot(tl.trans(of_scores), q, input_precision="ieee")
            if tokens <= BLOCK:
                whole = tl.dot(of_scores, k, input_precision="ieee")
                _store(of_q, output_token, whole, start, head, of_query, tokens, WIDTH, ROOM)
        _store(of_k, output_token, key_sum, start, head, of_key, tokens, WIDTH, ROOM)
        _store(of_v, output_token, value_sum, start, head, of_key, tokens, WIDTH, ROOM)
    if tokens > BLOCK:
        for first in range(sharer * BLOCK, tokens, SHARERS * BLOCK):
            of_query = first + block
            q = _load(query, query_token, query_head, query_column, start, head, of_query, tokens, WIDTH, ROOM)
            g = _load(
                gradient, gradient_token, gradient_head, gradient_column, start, head, of_query, tokens, WIDTH, ROOM
            )
            o = _load(output, output_token, WIDTH, 1, start, head, of_query, tokens, WIDTH, ROOM)
            divisor = tl.load(divisors + head * total + start + of_query, mask=of_query < tokens, other=0.0)
            drawn = tl.sum(g.to(tl.float32) * o.to(tl.float32), 1)
            query_sum = tl.zeros([BLOCK, ROOM], tl.float32)
            for other in range(0, tokens, BLOCK):
                of_key = other + block
                k = _load(key, key_token, key_head, key_column, start, head, of_key, tokens, WIDTH, ROOM)
                v = _load(value, value_token, value_head, value_column, start, head, of_key, tokens, WIDTH, ROOM)
                scores = _scores(q, k, of_query, of_key, tokens, scale, window, bias, head * bias_head, bias_query,
                                 HAS_WINDOW, HAS_BIAS)  # fmt: skip
                shares = tl.exp2(scores - divisor[:, None])
                of_shares = tl.dot(g, tl.trans(v), input_precision="ieee") - drawn[:, None]
                query_sum += tl.dot((shares * of_shares * scale).to(k.dtype), k, input_precision="ieee")
            _store(of_q, output_token, query_sum, start, head, of_query, tokens, WIDTH, ROOM)
