"""Attention over packed reviews, with T5's bias by relative position and without: our kernel beside the libraries'.

One layer of FLAN-T5-large's shape, which is Stella's too, forward and backward, on reviews of real lengths and on the
longest alone, on a GPU. Beside ours, with the bias: FlexAttention, compiled, over blocks of 128 tokens that share a
review; or every review padded to 512 tokens, as the published recipe has it. Without: FlashAttention with variable
lengths, or FlexAttention.

    python benchmarks/attention.py --data salminen.csv [--output attention.json]
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention

from reviewtune.data.reviews import load_reviews
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.layout import Layout
from reviewtune.encoders.loading import default_device, load_tokenizer
from reviewtune.encoders.packed_attention import packed_attention
from reviewtune.encoders.packing import PackedRows, pack_rows
from reviewtune.encoders.registry import MAX_LENGTH, resolve_encoder
from reviewtune.schema import TEXT

HEADS, WIDTH = 16, 64
SCALE = 1.0
"""Of the scores, as T5 has it."""
BLOCK = 128
"""Tokens of a block of FlexAttention."""
REPEATS = 20

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def own(packed: PackedRows, bias: Tensor | None) -> Attention:
    """The project's own way."""
    layout = Layout(packed)

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return packed_attention(None, query, key, value, None, layout=layout, scaling=SCALE, position_bias=bias)[0]

    return attend


def variable_lengths(packed: PackedRows) -> Attention:
    """FlashAttention-2 by torch."""
    ends, longest = packed.boundaries, packed.longest

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        states = [state[0].transpose(0, 1) for state in (query, key, value)]
        return varlen_attn(*states, ends, ends, longest, longest, scale=SCALE)

    return attend


def by_blocks(packed: PackedRows, bias: Tensor | None, *, compiled: bool) -> Attention:
    """FlexAttention."""
    row = packed.row

    def same_review(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return row[query] == row[key]

    score_mod = None if bias is None else biased(bias)
    mask = blocks(packed, same_review)
    # Each size by itself: a bias holds numbers that differ with it, which inductor does not always take as symbols.
    flex = torch.compile(flex_attention, dynamic=False) if compiled else flex_attention

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return flex(query, key, value, score_mod=score_mod, block_mask=mask, scale=SCALE).transpose(1, 2)

    return attend


def biased(bias: Tensor) -> Callable[..., Tensor]:
    """Adds a (1, H, L, L) bias. Within a review the places of two tokens differ as their numbers in the batch do."""
    table = torch.cat([bias[0, :, 1:, 0].flip(1), bias[0, :, 0]], 1)
    longest, last = bias.shape[-1], table.shape[1] - 1

    def added(score: Tensor, _batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return score + table[head, (key - query + longest - 1).clamp(0, last)]

    return added


def blocks(packed: PackedRows, same_review: Callable[..., Tensor]) -> BlockMask:
    """Which blocks of keys each block of queries looks into: those from its first review's start to its last's end."""
    tokens = len(packed.row)
    edges = torch.arange(-(-tokens // BLOCK), device=packed.row.device) * BLOCK
    first = packed.boundaries[packed.row[edges].long()] // BLOCK
    ends = (edges + BLOCK - 1).clamp(max=tokens - 1)
    last = (packed.boundaries[packed.row[ends].long() + 1] - 1) // BLOCK
    numbers = (last - first + 1).int()[None, None]
    indices = (first[:, None] + torch.arange(len(edges), device=edges.device)).clamp(max=len(edges) - 1).int()
    return BlockMask.from_kv_blocks(
        numbers, indices[None, None].contiguous(), BLOCK_SIZE=BLOCK, mask_mod=same_review, seq_lengths=(tokens, tokens)
    )


def padded(packed: PackedRows, bias: Tensor) -> Attention:
    """Every review padded to the longest that the bias knows; padding is not masked, which costs no less."""
    reviews = len(packed)

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        states = [
            torch.nn.functional.pad(state, (0, 0, 0, max(0, reviews * MAX_LENGTH - state.shape[2])))
            .view(HEADS, reviews, MAX_LENGTH, WIDTH)
            .transpose(0, 1)
            for state in (query, key, value)
        ]
        return scaled_dot_product_attention(*states, attn_mask=bias, scale=SCALE)

    return attend


def milliseconds(attend: Attention, states: list[Tensor]) -> float:
    """Of the card for a forward and a backward pass, recorded, so that the host's launches do not count."""

    def once() -> None:
        output = attend(*states)
        torch.autograd.grad(output, states, torch.ones_like(output))

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            once()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        once()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    graph.replay()
    start.record()
    for _ in range(REPEATS):
        graph.replay()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / REPEATS


def states_of(packed: PackedRows, dtype: torch.dtype) -> list[Tensor]:
    """Random (1, H, T, E) queries, keys and values."""
    generator = torch.Generator(packed.row.device).manual_seed(0)
    shape = (1, HEADS, len(packed.row), WIDTH)
    options = {"generator": generator, "device": packed.row.device, "dtype": dtype}
    return [torch.randn(shape, **options).requires_grad_(packed.row.device.type == "cuda") for _ in range(3)]


def check(tokens: Tokens) -> float:
    """Largest difference between ours and FlexAttention, in float32, uncompiled, on a few reviews."""
    packed = pack_rows(tokens, np.arange(4), default_device())
    bias = torch.randn(1, HEADS, packed.longest, packed.longest, device=packed.row.device)
    # As T5's, by relative position alone.
    place = torch.arange(packed.longest, device=packed.row.device)
    bias = bias[:, :, 0][..., (place - place[:, None]).abs()]
    with torch.no_grad():
        states = states_of(packed, torch.float32)
        found = [
            (own(packed, each)(*states) - by_blocks(packed, each, compiled=False)(*states)).abs().max()
            for each in (bias, None)
        ]
    return float(torch.stack(found).max())


def main() -> None:
    """Print the milliseconds of each way at several sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    texts = load_reviews(options.data).table[TEXT].to_pylist()
    tokens = tokenize(load_tokenizer(resolve_encoder("minilm")), texts, MAX_LENGTH)
    print(f"FlexAttention differs from the others by {check(tokens):.1e} at most")
    if not torch.cuda.is_available():
        print("benchmarks/attention.py needs a CUDA GPU: nothing measured")
        return
    import reviewtune.encoders.attention_op  # noqa: F401  makes the kernel known to torch, as loading an encoder does

    order = np.random.default_rng(0).permutation(len(tokens))
    bias = torch.randn(1, HEADS, MAX_LENGTH, MAX_LENGTH, device="cuda", dtype=torch.bfloat16)
    rows = []
    longest = np.argsort(-tokens.lengths, kind="stable")
    for rows_of in (order[:16], order[:64], order[:256], order[:512], longest[:64]):
        reviews = len(rows_of)
        packed = pack_rows(tokens, rows_of, torch.device("cuda"))
        states = states_of(packed, torch.bfloat16)
        short = bias[..., : packed.longest, : packed.longest].contiguous()
        ways = {
            "with a bias: ours": own(packed, short),
            "flex": by_blocks(packed, short, compiled=True),
            **({"padded": padded(packed, bias)} if reviews <= 256 else {}),
            "without: ours": own(packed, None),
            "variable lengths": variable_lengths(packed),
            "flex without": by_blocks(packed, None, compiled=True),
        }
        took = {name: milliseconds(way, states) for name, way in ways.items()}
        rows.append({"reviews": reviews, "tokens": len(packed.row), **took})
        said = ", ".join(f"{name} {value:.2f} ms" for name, value in took.items())
        print(f"{torch.cuda.get_device_name()}: {reviews} reviews, {len(packed.row)} tokens: {said}", flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
