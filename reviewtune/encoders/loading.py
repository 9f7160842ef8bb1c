"""Base models and tokenizers, loaded natively, quantised on request, on the device where they will run."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import nn

from reviewtune.encoders.registry import Encoder
from reviewtune.errors import EncoderError

Quantisation = Literal["nf4", "none"]


def default_device() -> torch.device:
    """The GPU of this process where there is one, otherwise the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def compute_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU; float32 on a CPU, where bfloat16 is slower."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def load_tokenizer(encoder: Encoder) -> Any:
    """The encoder's fast tokenizer, which can always pad.

    Raises:
        EncoderError: Its files are missing or damaged, or the hub cannot be reached.
    """
    from transformers import AutoTokenizer

    with _explained(encoder, "tokenizer"), _quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(
            encoder.source, revision=encoder.hub_revision or "main", trust_remote_code=False
        )
        if len(tokenizer) <= len(tokenizer.all_special_tokens):
            # transformers makes one of special tokens alone where the files are missing.
            raise ValueError("its files are missing")
        if tokenizer.pad_token_id is None:
            # Which token pads does not matter: the attention mask and the pooling leave it out.
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def load_backbone(
    encoder: Encoder, *, quantisation: Quantisation = "none", device: torch.device | None = None
) -> nn.Module:
    """The encoder without any head, frozen, in evaluation mode.

    Args:
        encoder: Which one; an encoder-decoder loads its encoder alone.
        quantisation: `nf4` holds each linear layer in NF4 with double quantisation (QLoRA, Dettmers et al. 2023).
        device: Default: `default_device()`.

    Raises:
        EncoderError: The files are missing or damaged or hold other weights than the architecture's, the hub cannot be
            reached, or transformers has no native class for the architecture.
    """
    from transformers import AutoConfig

    if quantisation not in get_args(Quantisation):
        raise EncoderError(f"quantisation {quantisation!r} is unknown: give {' or '.join(get_args(Quantisation))}")
    source: dict[str, Any] = {"revision": encoder.hub_revision or "main", "trust_remote_code": False}
    with _explained(encoder, "base model"), _quiet_transformers():
        config = AutoConfig.from_pretrained(encoder.source, **source)
        cls = _encoder_class(config)
        options = {**source, **_options(cls, quantisation, device or default_device())}
        backbone, report = cls.from_pretrained(encoder.source, output_loading_info=True, **options)
        absent = sorted(report["missing_keys"])
        if absent:
            # transformers fills them with random values.
            raise ValueError(f"its weights lack {len(absent)} tensors of {cls.__name__}, among them {absent[0]}")
    return _frozen(backbone)


def _encoder_class(config: Any) -> Any:
    """The transformers class that gives the last hidden states of an encoder.

    Raises:
        ValueError: There is none.
    """
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, MODEL_MAPPING

    for mapping in (MODEL_FOR_TEXT_ENCODING_MAPPING, MODEL_MAPPING):
        if type(config) in mapping and not (mapping is MODEL_MAPPING and config.is_encoder_decoder):
            return mapping[type(config)]
    raise ValueError(f"transformers has no encoder alone for the model_type {config.model_type!r}")


def _options(cls: Any, quantisation: Quantisation, device: torch.device) -> dict[str, Any]:
    """What `from_pretrained` is told of numbers, place and parts."""
    from transformers import BitsAndBytesConfig

    dtype = compute_dtype(device)
    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}, "use_safetensors": True}
    if "add_pooling_layer" in inspect.signature(cls.__init__).parameters:
        options["add_pooling_layer"] = False
    if quantisation == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    return options


def _frozen(backbone: nn.Module) -> nn.Module:
    from bitsandbytes.nn import Linear4bit

    for parameter in backbone.parameters():
        parameter.requires_grad = False
    for module in backbone.modules():
        if isinstance(module, Linear4bit):
            # bitsandbytes would repack NF4 weights into bfloat16 at the first evaluation on some CPUs, and training
            # that goes on would no longer be what it was: same seed, same result needs the weights left as they are.
            module.support_avx512bf16_for_cpu = False
    return backbone.eval()


@contextmanager
def _explained(encoder: Encoder, what: str) -> Iterator[None]:
    """Say in one line why something of an encoder cannot be loaded.

    The libraries below raise many kinds: OSError, ValueError, KeyError, SafetensorError, ImportError for an optional
    tokenizer library, RuntimeError for shapes that do not fit, and tokenizers a bare Exception.
    """
    try:
        yield
    except Exception as error:
        reason = " ".join(f"{error}".split())[:300] or type(error).__name__
        if not encoder.is_folder:
            mend = "check the id and the network, or download it and give --base-model FOLDER"
        else:
            mend = "check that the folder is complete and that transformers has a native class for its model_type"
        raise EncoderError(f"the {what} of {encoder.name} cannot be loaded ({reason}): {mend}") from error


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Loading reports unused poolers and shows a bar for every base model; neither tells the user anything."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
