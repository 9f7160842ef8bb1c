import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bitsandbytes.nn import Linear4bit
from safetensors.torch import load_file, save_file

from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import compute_dtype, load_backbone, load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import EncoderError

MODEL_TYPES = ["bert", "roberta", "t5", "modernbert"]


@pytest.fixture
def base(tiny_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bert, tmp_path / "base"))


def refusal(load, base: Path, **options: object) -> str:
    with pytest.raises(EncoderError) as caught:
        load(resolve_encoder(str(base)), **options)
    assert "\n" not in str(caught.value)
    assert "cannot be loaded" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_a_backbone_is_frozen_and_holds_what_the_file_holds(tiny_base, model_type: str, quantisation: str) -> None:
    base = tiny_base(model_type)
    backbone = load_backbone(resolve_encoder(str(base)), quantisation=quantisation, device=torch.device("cpu"))
    assert not backbone.training
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert not any("pooler" in name or "decoder" in name for name, _ in backbone.named_parameters())
    stored = load_file(base / "model.safetensors")
    name, norm = next((n, p) for n, p in backbone.named_parameters() if "norm" in n.lower())
    held = stored[next(key for key in stored if key.endswith(name) and "decoder" not in key)]
    assert torch.equal(norm, held.to(norm.dtype))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_nf4_holds_the_linear_layers_in_four_bits_with_double_quantisation(tiny_base, model_type: str) -> None:
    backbone = load_backbone(resolve_encoder(str(tiny_base(model_type))), quantisation="nf4")
    linear = [(name, module) for name, module in backbone.named_modules() if isinstance(module, torch.nn.Linear)]
    # transformers keeps T5's `wo` in float32: in lower precision its values overflow.
    quantised = [module for name, module in linear if not (model_type == "t5" and name.endswith(".wo"))]
    assert quantised
    for module in quantised:
        assert isinstance(module, Linear4bit)
        assert module.weight.quant_state.quant_type == "nf4"
        assert module.weight.quant_state.nested
        assert module.weight.dtype == torch.uint8
        assert not module.support_avx512bf16_for_cpu


def test_four_bits_take_an_eighth_of_the_memory(tiny_bert: Path) -> None:
    whole, quantised = (
        load_backbone(resolve_encoder(str(tiny_bert)), quantisation=how, device=torch.device("cpu"))
        for how in ("none", "nf4")
    )
    name = "encoder.layer.0.intermediate.dense.weight"
    assert whole.get_parameter(name).nbytes == 64 * 128 * 4
    assert quantised.get_parameter(name).nbytes == 64 * 128 // 2


def test_a_cpu_computes_in_float32_and_a_gpu_in_bfloat16() -> None:
    assert compute_dtype(torch.device("cpu")) == torch.float32
    assert compute_dtype(torch.device("cuda", 0)) == torch.bfloat16


def test_an_unknown_quantisation_is_refused(tiny_bert: Path) -> None:
    with pytest.raises(EncoderError, match="nf4, int8, none"):
        load_backbone(resolve_encoder(str(tiny_bert)), quantisation="int3")  # type: ignore[arg-type]


def test_truncated_weights_are_refused(base: Path) -> None:
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refusal(load_backbone, base)


def test_missing_weights_are_refused(base: Path) -> None:
    (base / "model.safetensors").unlink()
    refusal(load_backbone, base)


def test_weights_in_a_pickle_are_refused(base: Path) -> None:
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    refusal(load_backbone, base)


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_a_base_model_that_would_be_filled_with_random_values_is_refused(base: Path, quantisation: str) -> None:
    weights = load_file(base / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    assert "encoder.layer.1.output.dense.weight" in refusal(load_backbone, base, quantisation=quantisation)


def test_weights_of_another_shape_are_refused(base: Path) -> None:
    config = base / "config.json"
    config.write_text(config.read_text().replace('"intermediate_size": 128', '"intermediate_size": 256'))
    refusal(load_backbone, base)


@pytest.mark.parametrize("model_type", ["new", "whisper"])
def test_an_architecture_without_a_native_encoder_is_refused(base: Path, model_type: str) -> None:
    (base / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
    assert model_type in refusal(load_backbone, base)


def test_remote_code_is_never_run(base: Path, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    (base / "modeling_own.py").write_text(f"open({str(trap)!r}, 'w')\nclass OwnModel: pass\nclass OwnConfig: pass\n")
    (base / "config.json").write_text(
        '{"model_type": "own", "auto_map": '
        '{"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}}'
    )
    refusal(load_backbone, base)
    assert not trap.exists()


@pytest.mark.parametrize("harm", ["missing", "damaged", "empty"])
def test_a_tokenizer_that_is_not_there_is_refused(base: Path, harm: str) -> None:
    for file in base.glob("tokenizer*"):
        if harm == "missing":
            file.unlink()
        else:
            file.write_text("{" if harm == "damaged" else "")
    refusal(load_tokenizer, base)


def test_word_pieces_of_sentencepiece_are_read(tiny_base, tmp_path: Path) -> None:
    """As DeBERTa-v3 has them: no tokenizer.json, and a model of 1e30 tokens at most."""
    sentencepiece = pytest.importorskip("sentencepiece")
    base = Path(shutil.copytree(tiny_base("deberta-v2"), tmp_path / "base"))
    for file in base.glob("tokenizer*"):
        file.unlink()
    with (base / "spm.model").open("wb") as model:
        pieces = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]"}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["great tent", "a rusty hinge", "love the tent"] * 20),
            model_writer=model,
            vocab_size=32,
            eos_piece="[SEP]",
            unk_piece="[UNK]",
            hard_vocab_limit=False,
            minloglevel=2,
            **pieces,
        )
    before = resolve_encoder(str(base))
    tokenizer = load_tokenizer(before)
    ids = tokenize(tokenizer, ["great tent", "great " * 999], before.max_length)
    assert (ids[0][0], ids[0][-1], tokenizer.decode(ids[0][1:-1]).strip()) == (1, 2, "great tent")
    assert ids.lengths[1] == 66
    (base / "spm.model").write_bytes((base / "spm.model").read_bytes() + b"\n")
    assert resolve_encoder(str(base)).revision != before.revision


def test_a_tokenizer_without_padding_pads_with_what_it_has(base: Path) -> None:
    tokenizer = load_tokenizer(resolve_encoder(str(base)))
    tokenizer.pad_token = None
    tokenizer.save_pretrained(base)
    assert load_tokenizer(resolve_encoder(str(base))).pad_token_id is not None


def test_texts_are_cut_at_the_shorter_of_the_two_limits(tiny_bert: Path) -> None:
    tokenizer = load_tokenizer(resolve_encoder(str(tiny_bert)))
    text = "great " * 100
    assert tokenize(tokenizer, [text, "great tent"], 10).lengths.tolist() == [10, 4]
    assert tokenize(tokenizer, [text], 512).lengths.tolist() == [64]
    assert tokenize(tokenizer, [], 512).lengths.tolist() == []
    np.testing.assert_array_equal(tokenize(tokenizer, ["great tent"], 64)[0], tokenizer("great tent")["input_ids"])


OFFLINE = """
import sys
from reviewtune.encoders.loading import load_backbone, load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import EncoderError
for load in (load_backbone, load_tokenizer):
    try:
        load(resolve_encoder("reviewtune-tests/absent@v1"))
    except EncoderError as error:
        print(error)
"""


def test_a_hub_id_without_a_network_is_refused_at_once(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(
        "reviewtune-tests/absent@v1 cannot be loaded" in line and "--base-model FOLDER" in line for line in lines
    )
