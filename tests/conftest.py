"""Fixtures that any test may use."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reviewtune.quiet import be_quiet

# Ray reads its part of the environment when it is imported, by whichever test comes first.
be_quiet()
# Read by torch when it is imported, here and in the processes that tests start: on tiny models more threads than idle
# cores wait for one another a hundred times as long as they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY_WORDS = (
    "strap broke twice tuesday neighbour rusty hinge sadly cheaper tent great product love highly recommend perfect "
    "quality amazing must buy the a it is was and with for this but very my"
)
TINY_MAX_LENGTH = 64


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
