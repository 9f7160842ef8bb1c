import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from reviewtune.adapters.codes import BLOCK, LEAST, decode, dynamic_map, encode

LENGTH = 2 * BLOCK + 88


def draw(length: int, seed: int, *, spread: float, signed: bool) -> Tensor:
    """Values whose sizes span so many powers of ten, some of them zero."""
    generator = torch.Generator().manual_seed(seed)
    sizes = 10 ** (spread * torch.rand(length, generator=generator) - spread)
    row = sizes * torch.randn(length, generator=generator) * (torch.rand(length, generator=generator) > 0.1)
    return row if signed else row.abs()


@given(
    length=st.integers(1, LENGTH), seed=st.integers(0, 2**31), spread=st.floats(0, 8), signed=st.booleans(),
    scale=st.sampled_from([1e-25, 1e-6, 1.0, 1e6]),
)  # fmt: skip
def test_a_value_that_was_decoded_stays_the_same(
    length: int, seed: int, spread: float, signed: bool, scale: float
) -> None:
    row = scale * draw(length, seed, spread=spread, signed=signed)
    code = dynamic_map(signed=signed)
    decoded = decode(*encode(row, code), code)[:length]
    assert torch.equal(decode(*encode(decoded, code), code)[:length], decoded)
    for own, exact in zip(decoded.split(BLOCK), row.split(BLOCK), strict=True):
        largest = exact[exact.abs().argmax()]
        if largest.abs() >= LEAST:
            assert own[exact.abs().argmax()] == largest
            assert (own - exact).abs().max() <= 0.0075 * largest.abs()
    assert not decoded[row == 0].any()


def test_what_float32_could_not_tell_apart_is_zeros() -> None:
    code = dynamic_map(signed=True)
    values = torch.cat([torch.full((BLOCK,), -LEAST / 1e10), torch.zeros(BLOCK), torch.ones(88)])
    assert decode(*encode(values, code), code).tolist() == [0.0] * 2 * BLOCK + [1.0] * 88 + [0.0] * (BLOCK - 88)


def test_codes_of_positive_blocks_are_those_of_bitsandbytes() -> None:
    """Where its table is fine enough: in the upper half of the range."""
    from bitsandbytes.functional import quantize_blockwise

    code = dynamic_map(signed=False)
    values = draw(4 * BLOCK, 0, spread=0.0, signed=False).clamp(0.1)
    codes, scales = encode(values, code)
    theirs, state = quantize_blockwise(values, code=code, blocksize=BLOCK)
    assert torch.equal(scales, state.absmax)
    assert (codes.view(-1).int() - theirs.int()).abs().max() <= 1
