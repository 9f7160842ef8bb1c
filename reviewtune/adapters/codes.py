"""Values as codes of 8 bits with a scale a block: Dettmers et al. 2022, "8-bit optimizers via block-wise quantization".

The codes and their layout are those of bitsandbytes, whose optimizers go on from them. What differs:

- The scale of a block is its value of largest size, with the sign. The map has 1 but not -1, so that by an absolute
  scale a block whose largest value is negative would shrink whenever it is coded again.
- The nearest code is searched for. On a CPU `bitsandbytes.functional.quantize_blockwise` (0.50) looks it up in a table
  that is coarse near zero, and makes a zero 6e-6 of the largest value: what must stay zero would not.

Shape letters: `P` values, `S` blocks.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 256
"""Values that share a scale, as in bitsandbytes; the matrices of adapters on common base models are whole blocks."""
LEAST = 1e-30
"""A block whose largest value is smaller is zeros: float32 could not tell its codes apart. AdamW's epsilon hides it."""


def dynamic_map(*, signed: bool) -> Tensor:
    """(256,) float32, what each code stands for, rising; the larger a value, the more digits."""
    from bitsandbytes.functional import create_dynamic_map

    values: Tensor = create_dynamic_map(signed=signed)
    return values


def encode(values: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
    """(S, BLOCK) uint8 codes and (S,) float32 scales of (P,) float32 values, without waiting for the device.

    What these decode to stays the same, to the last bit, however often it is encoded again.

    Args:
        values: The last block is filled up with zeros.
        code: A `dynamic_map`, on the same device.
    """
    blocks = pad(values, (0, -len(values) % BLOCK)).view(-1, BLOCK)
    low, high = torch.aminmax(blocks, dim=1)
    largest = torch.where(high >= -low, high, low)
    scales = torch.where(largest.abs() < LEAST, 0.0, largest)
    middles = (code[1:] + code[:-1]) / 2
    # A block of zeros is 0 / 0 here, and 0 again by its scale.
    return torch.bucketize(blocks / scales[:, None], middles, out_int32=True).to(torch.uint8), scales


def decode(codes: Tensor, scales: Tensor, code: Tensor) -> Tensor:
    """(S * BLOCK,) float32 values of codes and scales as `encode` gives them."""
    from bitsandbytes.functional import dequantize_blockwise

    values: Tensor = dequantize_blockwise(codes, absmax=scales, code=code, blocksize=BLOCK)
    return values.view(-1)
