"""Base models and tokenizers, loaded natively, quantised on request, on the device where they will run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import torch
from torch import nn

from reviewtune.encoders.configs import encoder_class, read_config
from reviewtune.encoders.failures import explained
from reviewtune.encoders.hub import hub_options
from reviewtune.encoders.inspection import class_options, inspect, refuse_absent
from reviewtune.encoders.memory import free_bytes, refuse_what_does_not_fit
from reviewtune.encoders.quantisation import SOURCE_DTYPE, Quantisation, bitsandbytes_options, in_full, settle
from reviewtune.encoders.registry import Encoder
from reviewtune.errors import EncoderError

__all__ = ["Quantisation", "compute_dtype", "default_device", "load_backbone", "load_tokenizer"]


def default_device() -> torch.device:
    """The GPU of this process where there is one, otherwise the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def compute_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU; float32 on a CPU, whose products alone may be in bfloat16 (`half_products`)."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def load_tokenizer(encoder: Encoder) -> Any:
    """The encoder's fast tokenizer, which can always pad.

    Raises:
        EncoderError: Its files are missing or damaged, or the hub cannot be reached.
    """
    from transformers import AutoTokenizer

    with explained(encoder, "tokenizer"), quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(encoder.source, config=read_config(encoder), **hub_options(encoder))
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
        quantisation: `nf4` holds each linear layer in NF4 with double quantisation (QLoRA, Dettmers et al. 2023),
            `int8` in eight bits, rows and inputs each by its own scale (LLM.int8(), Dettmers et al. 2022).
        device: Default: `default_device()`.

    Raises:
        EncoderError: The files are missing or damaged or hold other weights than the architecture's, the hub cannot be
            reached, transformers has no native class for the architecture, or the weights do not fit the GPU.
    """
    if quantisation not in get_args(Quantisation):
        raise EncoderError(f"quantisation {quantisation!r} is unknown: give one of {', '.join(get_args(Quantisation))}")
    device = device or default_device()
    dtype = compute_dtype(device)
    with explained(encoder, "base model"), quiet_transformers():
        config = read_config(encoder)
        cls = encoder_class(encoder, config)
        found = inspect(encoder, cls, config)
        free = free_bytes(device)
        if free is not None:
            refuse_what_does_not_fit(encoder.name, found, quantisation, dtype=dtype, free=free)
        options = {
            **hub_options(encoder),
            **class_options(cls),
            **bitsandbytes_options(quantisation, dtype, list(found.whole)),
        }
        backbone, report = cls.from_pretrained(
            encoder.source,
            config=config,
            dtype=dtype if quantisation == "none" else SOURCE_DTYPE,
            device_map={"": device},
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
        refuse_absent(cls, report)
    for parameter in backbone.parameters():
        parameter.requires_grad = False
    if quantisation != "none":
        settle(backbone)
        in_full(backbone, dtype)
    frozen: nn.Module = backbone.eval()
    return frozen


@contextmanager
def quiet_transformers() -> Iterator[None]:
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
