"""Stella's and FLAN-T5-large's full shape with random weights, in folders laid out as on the hub.

A benchmark of speed and memory does not need the trained values, and a machine without the hub has none.
`write_stella` and `write_flan_t5` are used by hub_encoders.py; run as a script it does nothing.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GteModel, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from reviewtune.encoders.loading import default_device
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.stella import gte_config

STELLA = {
    "architectures": ["NewModel"],
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {"AutoConfig": "configuration.NewConfig", "AutoModel": "modeling.NewModel"},
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 1024,
    "initializer_range": 0.02,
    "intermediate_size": 4096,
    "layer_norm_eps": 1e-12,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "max_position_embeddings": 8192,
    "model_type": "new",
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "pack_qkv": True,
    "pad_token_id": 0,
    "position_embedding_type": "rope",
    "rope_scaling": {"factor": 2.0, "type": "ntk"},
    "rope_theta": 160000,
    "type_vocab_size": 2,
    "vocab_size": 30528,
}
FLAN_T5_LARGE = {
    "d_ff": 2816,
    "d_kv": 64,
    "d_model": 1024,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu",
    "num_decoder_layers": 24,
    "num_heads": 16,
    "num_layers": 24,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
    "vocab_size": 32128,
}
TINY_STELLA = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2}
TINY_T5 = {"d_ff": 96, "d_kv": 16, "d_model": 64, "num_heads": 4, "num_layers": 2, "num_decoder_layers": 2}


def write_stella(folder: Path, *, tiny: bool) -> None:
    """Stella's folder: fused tensors under `new.`, an unused pooler, BERT's uncased word pieces."""
    settings = {**STELLA, **(TINY_STELLA if tiny else {})}
    with torch.device(default_device()):
        model = GteModel(gte_config(settings), add_pooling_layer=True)
    model.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(settings, indent=1))
    weights = folder / "model.safetensors"
    save_file({f"new.{name}": tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(Path(resolve_encoder("minilm").source) / file, folder)


def write_flan_t5(folder: Path, texts: Sequence[str], *, tiny: bool) -> None:
    """FLAN-T5-large's folder, its decoder too; the unigram pieces are learnt from `texts`."""
    config = T5Config(**{**FLAN_T5_LARGE, **(TINY_T5 if tiny else {})})
    with torch.device(default_device()):
        model = T5ForConditionalGeneration(config)
    model.save_pretrained(folder)
    _unigram(texts).save_pretrained(folder)


def _unigram(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    special = ["<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Nmt()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    unknown = special[-1]
    trainer = trainers.UnigramTrainer(vocab_size=8000, special_tokens=special, unk_token=unknown, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names)
