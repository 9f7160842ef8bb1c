from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GteModel

from reviewtune.encoders import loading
from reviewtune.encoders.configs import encoder_class, read_config
from reviewtune.encoders.inspection import Contents, contents, inspect
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.memory import RESERVE, free_bytes, refuse_what_does_not_fit, weight_bytes
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.stella import gte_config
from reviewtune.errors import EncoderError

CPU = torch.device("cpu")
STELLA = Contents(linear=402_653_184, rest=31_485_952, whole=())
PUBLISHED = {
    "vocab_size": 30528,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "type_vocab_size": 2,
}


def test_the_contents_of_stella() -> None:
    with torch.device("meta"):
        assert contents(GteModel(gte_config(PUBLISHED))) == STELLA
    assert STELLA.parameters == 434_139_136


@pytest.mark.parametrize(
    ("how", "expected"),
    [("none", 434_139_136 * 2), ("int8", 402_653_184 + 31_485_952 * 2), ("nf4", 207_716_352 + 31_485_952 * 2)],
)
def test_the_arithmetic_by_hand(how: str, expected: int) -> None:
    # NF4: 0.5 + 1/64 + 1/4096 bytes a weight.
    assert weight_bytes(STELLA, how, torch.bfloat16) == expected


@pytest.mark.parametrize("model_type", ["bert", "t5", "gte", "modernbert"])
@pytest.mark.parametrize("how", ["none", "nf4", "int8"])
def test_the_arithmetic_is_what_a_loaded_base_model_takes(tiny_base, model_type: str, how: str) -> None:
    encoder = resolve_encoder(str(tiny_base(model_type)))
    config = read_config(encoder)
    found = inspect(encoder, encoder_class(encoder, config), config)
    backbone = load_backbone(encoder, quantisation=how, device=CPU)
    held = sum(parameter.nbytes for parameter in backbone.parameters())
    # What bitsandbytes keeps beside the parameters: scales.
    beside = found.linear * (1 / 64 + 4 / (64 * 256)) if how == "nf4" else 0
    assert weight_bytes(found, how, torch.float32) == pytest.approx(held + beside, abs=1)


def test_what_does_not_fit_is_refused_with_the_sum() -> None:
    with pytest.raises(EncoderError) as caught:
        refuse_what_does_not_fit("stella", STELLA, "none", dtype=torch.bfloat16, free=1_900_000_000)
    assert str(caught.value) == (
        "the base model stella does not fit: 402,653,184 weights x 2 bytes (none) + 31,485,952 x 2 + 1.07 GB to train "
        "= 1.94 GB, and 1.90 GB of the GPU are free: give --quantisation nf4, a smaller base model, or a GPU that "
        "nobody else uses"
    )
    refuse_what_does_not_fit("stella", STELLA, "nf4", dtype=torch.bfloat16, free=1_900_000_000)


@given(
    linear=st.integers(0, 10**12),
    rest=st.integers(0, 10**12),
    how=st.sampled_from(["nf4", "int8", "none"]),
    short=st.integers(1, 10**9),
)
def test_just_enough_is_enough(linear: int, rest: int, how: str, short: int) -> None:
    found = Contents(linear, rest, ())
    needed = weight_bytes(found, how, torch.bfloat16) + RESERVE
    refuse_what_does_not_fit("base", found, how, dtype=torch.bfloat16, free=needed)
    with pytest.raises(EncoderError, match="does not fit"):
        refuse_what_does_not_fit("base", found, how, dtype=torch.bfloat16, free=needed - short)


def test_a_backbone_that_does_not_fit_is_not_loaded(
    stella_base: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "free_bytes", lambda device: RESERVE)
    with pytest.raises(EncoderError, match="does not fit"):
        load_backbone(resolve_encoder(str(stella_base())), quantisation="nf4", device=CPU)


def test_a_cpu_is_not_asked() -> None:
    assert free_bytes(CPU) is None
