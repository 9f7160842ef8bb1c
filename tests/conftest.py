"""Fixtures that any test may use."""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from reviewtune.quiet import be_quiet

# Ray reads its part of the environment when it is imported, by whichever test comes first.
be_quiet()
# Read by torch when it is imported, here and in the processes that tests start: on tiny models more threads than idle
# cores wait for one another a hundred times as long as they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A test must not fail because the machine is busy, nor by the luck of what was drawn for it: everybody gets the same
# examples, and none that another run has left. Others are drawn with --hypothesis-profile=random.
settings.register_profile("reviewtune", deadline=None, max_examples=40, derandomize=True, database=None)
settings.register_profile("random", settings.get_profile("reviewtune"), derandomize=False)
settings.load_profile("reviewtune")


def pytest_configure() -> None:
    """Triton reads this when it is imported: without a GPU its kernels run by an interpreter."""
    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("TRITON_INTERPRET", "1")


TINY_WORDS = (
    "strap broke twice tuesday neighbour rusty hinge sadly cheaper tent great product love highly recommend perfect "
    "quality amazing must buy the a it is was and with for this but very my"
)
TINY_MAX_LENGTH = 64

STELLA: dict[str, Any] = {
    "_name_or_path": "stella",
    "architectures": ["NewModel"],
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {"AutoConfig": "configuration.NewConfig", "AutoModel": "modeling.NewModel"},
    "classifier_dropout": None,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 96,
    "layer_norm_eps": 1e-12,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "max_position_embeddings": 48,
    "model_type": "new",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pack_qkv": True,
    "pad_token_id": 0,
    "position_embedding_type": "rope",
    "rope_scaling": {"factor": 2.0, "type": "ntk"},
    "rope_theta": 160000,
    "torch_dtype": "float32",
    "transformers_version": "4.41.2",
    "type_vocab_size": 2,
    "unpad_inputs": False,
    "use_memory_efficient_attention": False,
    "vocab_size": 160,
}
"""The published config.json with a small model's sizes."""


@pytest.fixture(scope="session")
def salminen_csv() -> Path:
    """The labelled reviews of Salminen et al. (2022), where the checkout has them beside it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data" / "salminen.csv"
    if not path.is_file():
        pytest.skip(f"needs the data of Salminen et al. (2022) in {path.parent.name}/ beside the checkout")
    return path


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders in the hub's layout by model type, each with random weights: 2 layers, hidden width 64, 64 tokens.

    The types are transformers' own; `roberta` is a language model's checkpoint, without a pooler, `t5` one with its
    decoder, and `modernbert` sees 8 tokens to either side in its second layer.
    """

    @cache
    def make(model_type: str) -> Path:
        import torch

        folder = tmp_path_factory.mktemp("bases") / model_type
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            _tiny_model(model_type).save_pretrained(folder)
        _tiny_tokenizer().save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_bert(tiny_base: Callable[[str], Path]) -> Path:
    """A folder in the hub's layout with a random BERT."""
    return tiny_base("bert")


@pytest.fixture(scope="session")
def stella_base(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders in Stella's published layout, with random weights large enough for tokens to mind their neighbours.

    Arguments: `prefix` of the weights' names, `projection` values of a `2_Dense_1024` (None: without), and settings
    that differ from the published ones.
    """

    @cache
    def make(prefix: str = "new.", projection: int | None = None, **settings: Any) -> Path:
        import torch
        from safetensors.torch import save_file

        folder = tmp_path_factory.mktemp("stella")
        config = {**STELLA, **settings}
        (folder / "config.json").write_text(json.dumps(config))
        generator = torch.Generator().manual_seed(0)
        tensors = {
            prefix + name: torch.randn(shape, generator=generator) * 0.15
            + (name.endswith(("LayerNorm.weight", "ln.weight")))
            for name, shape in _shapes(config).items()
        }
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        for file in tiny_bert.glob("tokenizer*"):
            (folder / file.name).write_bytes(file.read_bytes())
        if projection:
            _add_projection(folder / "2_Dense_1024", config["hidden_size"], projection, generator)
        return folder

    return make


def _tiny_model(model_type: str) -> Any:
    import transformers

    transformers.utils.logging.disable_progress_bar()
    size = {
        "vocab_size": 160,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": TINY_MAX_LENGTH + 2,
        "pad_token_id": 0,
    }
    config = transformers.AutoConfig.for_model
    match model_type:
        case "t5":
            t5 = {"vocab_size": 160, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
            return transformers.T5ForConditionalGeneration(config("t5", **t5, feed_forward_proj="gated-gelu"))
        case "roberta":
            return transformers.RobertaForMaskedLM(config("roberta", **size))
        case "modernbert":
            ends = {"cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
            near = {"local_attention": 16, "global_attn_every_n_layers": 2}
            return transformers.ModernBertModel(config("modernbert", **size, **ends, **near))
        case "distilbert":
            names = {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128}
            rest = {key: size[key] for key in ("vocab_size", "max_position_embeddings", "pad_token_id")}
            return transformers.AutoModel.from_config(config("distilbert", **names, **rest))
        case "electra":
            return transformers.ElectraModel(config("electra", **size, embedding_size=32))
        case "deberta-v2":
            relative = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
            return transformers.DebertaV2Model(config("deberta-v2", **size, **relative))
        case "gte":
            return transformers.GteModel(config("gte", **size))
    return transformers.AutoModel.from_config(config(model_type, **size), add_pooling_layer=False)


def _tiny_tokenizer() -> Any:
    """A fast tokenizer of word pieces: `TINY_WORDS`, and single letters and marks for everything else."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?"
    pieces = [*special.values(), *TINY_WORDS.split(), *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=TINY_MAX_LENGTH, **special)


def _is_scale(name: str) -> bool:
    """Whether a tensor multiplies what a LayerNorm gives."""
    return name.endswith(("LayerNorm.weight", "ln.weight"))


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The published tensors, the unused pooler too."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    names: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
        "pooler.dense.weight": (width, width),
        "pooler.dense.bias": (width,),
    }
    for layer in range(config["num_hidden_layers"]):
        names |= {
            f"encoder.layer.{layer}.{name}": shape
            for name, shape in {
                "attention.qkv_proj.weight": (3 * width, width),
                "attention.qkv_proj.bias": (3 * width,),
                "attention.o_proj.weight": (width, width),
                "attention.o_proj.bias": (width,),
                "attn_ln.weight": (width,),
                "attn_ln.bias": (width,),
                "mlp.up_gate_proj.weight": (2 * inner, width),
                "mlp.down_proj.weight": (width, inner),
                "mlp.down_proj.bias": (width,),
                "mlp_ln.weight": (width,),
                "mlp_ln.bias": (width,),
            }.items()
        }
    return names


def _add_projection(folder: Path, width: int, values: int, generator: Any) -> None:
    """A sentence-transformers `Dense` module."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    settings = {
        "in_features": width,
        "out_features": values,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    (folder / "config.json").write_text(json.dumps(settings))
    weights = {
        "linear.weight": torch.randn(values, width, generator=generator),
        "linear.bias": torch.randn(values, generator=generator),
    }
    save_file(weights, folder / "model.safetensors")


@pytest.fixture
def in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a CPU that computes in float32 alone."""
    monkeypatch.setattr("reviewtune.encoders.half_products.has_half_products", lambda _: False)


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """A Ray of two CPUs, in this process."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
