import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewtune.encoders import selftest, vetting
from reviewtune.encoders.memory import RESERVE
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.vetting import choose_quantisation, vetted
from reviewtune.errors import EncoderError

TYPES = ["bert", "roberta", "deberta-v2", "modernbert", "electra", "gte", "t5"]


@pytest.fixture
def base(stella_base: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(stella_base(), tmp_path / "base"))


def refusal(base: Path, quantisation: str = "nf4") -> str:
    with pytest.raises(EncoderError) as caught:
        vetted(resolve_encoder(str(base)), quantisation)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("model_type", TYPES)
def test_a_folder_that_is_complete_passes_as_it_is(tiny_base, model_type: str) -> None:
    encoder = resolve_encoder(str(tiny_base(model_type)))
    for how in ("nf4", "int8", "none"):
        assert vetted(encoder, how) == encoder


def test_stella_passes(base: Path) -> None:
    encoder = resolve_encoder(str(base))
    assert vetted(encoder, "nf4") == encoder


@pytest.mark.parametrize("kept", [0, 7, 200, -1])
def test_truncated_weights_are_refused(base: Path, kept: int) -> None:
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    assert "the base model of" in refusal(base)


def test_weights_whose_header_is_damaged_are_refused(base: Path) -> None:
    weights = base / "model.safetensors"
    contents = bytearray(weights.read_bytes())
    contents[8:40] = b"\0" * 32
    weights.write_bytes(contents)
    assert "the base model of" in refusal(base)


@pytest.mark.parametrize("harm", ["missing", "damaged", "empty"])
def test_a_tokenizer_that_is_not_there_is_refused(base: Path, harm: str) -> None:
    for file in base.glob("tokenizer*"):
        if harm == "missing":
            file.unlink()
        else:
            file.write_text("{" if harm == "damaged" else "")
    assert "the tokenizer of" in refusal(base)


def test_a_base_model_that_needs_its_own_code_is_refused_and_told_what_works(base: Path) -> None:
    settings = {"model_type": "own", "auto_map": {"AutoModel": "modeling_own.OwnModel"}}
    (base / "config.json").write_text(json.dumps(settings))
    line = refusal(base)
    for part in ("'own'", "modeling_own.OwnModel", "never run", "stella", "flan-t5-large", "DeBERTa-v3", "ModernBERT"):
        assert part in line


def test_a_decoder_beside_an_encoder_that_cannot_be_taken_alone_is_refused(base: Path) -> None:
    (base / "config.json").write_text('{"model_type": "whisper"}')
    assert "no encoder alone" in refusal(base)


def test_a_quantisation_that_does_not_work_is_found_first(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "quantisation_error", lambda how: (0.9, "cpu"))
    assert "nf4 products are off" in refusal(base)
    assert vetted(resolve_encoder(str(base)), "none")


def test_a_gpu_that_is_too_small_is_found_before_anything_runs(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vetting, "free_bytes", lambda device: RESERVE)
    assert "does not fit" in refusal(base)


@pytest.mark.parametrize(
    ("free", "how", "why"),
    [(None, "nf4", "no GPU"), (10**9, "none", "1.00 GB of the GPU are free"), (10**5, "nf4", "0.00 GB of the GPU")],
)
def test_auto_quantises_only_where_the_plain_weights_crowd_the_gpu(
    base: Path, monkeypatch: pytest.MonkeyPatch, free: int | None, how: str, why: str
) -> None:
    monkeypatch.setattr(vetting, "free_bytes", lambda device: free)
    chosen, reason = choose_quantisation(resolve_encoder(str(base)))
    assert chosen == how
    assert why in reason
