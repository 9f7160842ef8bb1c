"""An adapter worked into the weights of its base model: one plain encoder and a head, for tools that know no LoRA.

The folder is in the layout of transformers, its head and pooling in that of sentence-transformers
(https://sbert.net/docs/sentence_transformer/usage/custom_models.html), so that either opens it. Shape letters: `C`
classes, `D` hidden width.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from reviewtune.adapters.peft_format import load_adapter
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.loading import Quantisation, load_backbone, load_tokenizer
from reviewtune.encoders.registry import Encoder
from reviewtune.schema import LABEL_NAMES

HEAD_FILE = "2_Dense/model.safetensors"
"""The head: `linear.weight` (C, D) and `linear.bias` (C,)."""


def merge_adapter(folder: Path, encoder: Encoder, quantisation: Quantisation) -> EncoderClassifier:
    """The classifier of a peft folder without any adapter: its products added to the base model's weights, in float32.

    Those are what the quantised weights stand for, which the adapter was trained on, not the base model's originals.

    Args:
        folder: As `peft_format.save_adapter` writes it.
        encoder: The base model that it was trained on.
        quantisation: How that was held.

    Raises:
        ArtifactError: The folder is no adapter of this base model.
        EncoderError: The base model cannot be loaded.
    """
    device = torch.device("cpu")
    backbone = load_backbone(encoder, device=device)
    if quantisation != "none":
        _take_weights(backbone, load_backbone(encoder, quantisation=quantisation, device=device))
    model: Any = load_adapter(EncoderClassifier(backbone, name=encoder.name), folder)
    merged: EncoderClassifier = model.merge_and_unload()
    return merged.eval()


def _take_weights(backbone: nn.Module, quantised: nn.Module) -> None:
    """Give each layer the values that its counterpart of a quantised backbone computes with.

    Also those that are not quantised: they were rounded with the others (`quantisation.SOURCE_DTYPE`).
    """
    from peft.utils.integrations import dequantize_module_weight

    for name, module in backbone.named_modules():
        held = quantised.get_submodule(name)
        for part, value in module.named_parameters(recurse=False):
            is_weight = isinstance(module, nn.Linear) and part == "weight"
            values = dequantize_module_weight(held) if is_weight else held.get_parameter(part)
            value.data.copy_(values.reshape(value.shape))


def save_merged(classifier: EncoderClassifier, encoder: Encoder, folder: Path) -> None:
    """Write a merged classifier, its tokenizer and how its states are pooled into an existing, empty folder.

    Args:
        classifier: As `merge_adapter` gives it.
        encoder: For the tokenizer, which will cut reviews where training did.
        folder: Gets config.json, model.safetensors, the tokenizer's files and three small modules of
            sentence-transformers.
    """
    backbone: Any = classifier.backbone
    backbone.save_pretrained(folder)
    tokenizer = load_tokenizer(encoder)
    tokenizer.model_max_length = min(encoder.max_length, tokenizer.model_max_length)
    tokenizer.save_pretrained(folder)
    head = classifier.classifier
    width = head.in_features
    modules = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense")
    _write_json(
        folder / "modules.json",
        [
            {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for place, (kind, path) in enumerate(modules)
        ],
    )
    length = {"max_seq_length": tokenizer.model_max_length, "do_lower_case": False}
    _write_json(folder / "sentence_bert_config.json", length)
    pooling = {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    _write_json(folder / "1_Pooling" / "config.json", pooling)
    dense = {"in_features": width, "out_features": len(LABEL_NAMES), "bias": True}
    _write_json(
        folder / "2_Dense" / "config.json", {**dense, "activation_function": "torch.nn.modules.linear.Identity"}
    )
    tensors = {"linear.weight": head.weight.detach().contiguous(), "linear.bias": head.bias.detach().contiguous()}
    save_file(tensors, folder / HEAD_FILE, metadata={"format": "pt"})


def loading_call(classifier: EncoderClassifier) -> tuple[str, str]:
    """The transformers class of the encoder and the arguments after the folder that load it without a warning."""
    cls = type(classifier.backbone)
    has_pooler = "add_pooling_layer" in inspect.signature(cls.__init__).parameters
    return cls.__name__, ", add_pooling_layer=False" if has_pooler else ""


def _write_json(path: Path, contents: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(contents, indent=1) + "\n")
