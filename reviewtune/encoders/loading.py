"""Base models and tokenizers, loaded natively, quantised on request, on the device where they will run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

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
    """The encoder's fast tokenizer.

    Raises:
        EncoderError: Its files are missing or damaged, or the hub cannot be reached.
    """
    from transformers import AutoTokenizer

    with _explained(encoder, "tokenizer"):
        return AutoTokenizer.from_pretrained(encoder.source, revision=encoder.hub_revision or "main", trust_remote_code=False)


def load_backbone(encoder: Encoder, *, quantisation: Quantisation = "none", device: torch.device | None = None) -> nn.Module:
    """The encoder without any head, frozen, in evaluation mode.

    Args:
        encoder: Which one; an encoder-decoder loads its encoder alone.
        quantisation: `nf4` holds each linear layer in NF4 with double quantisation (QLoRA, Dettmers et al. 2023).
        device: Default: `default_device()`.

    Raises:
        EncoderError: The files are missing or damaged, the hub cannot be reached, or transformers has no native class
            for the architecture.
    """
    from transformers import AutoConfig, AutoModel, BitsAndBytesConfig, T5EncoderModel

    device = device or default_device()
    dtype = compute_dtype(device)
    options: dict[str, Any] = {
        "revision": encoder.hub_revision or "main",
        "trust_remote_code": False,
        "dtype": dtype,
        "device_map": {"": device},
        "use_safetensors": True,
    }
    if quantisation == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    with _explained(encoder, "base model"), _quiet_transformers():
        config = AutoConfig.from_pretrained(encoder.source, revision=options["revision"], trust_remote_code=False)
        if config.model_type == "bert":
            options["add_pooling_layer"] = False
        load = T5EncoderModel if config.model_type in ("t5", "mt5") else AutoModel
        backbone: nn.Module = load.from_pretrained(encoder.source, **options)
    for parameter in backbone.parameters():
        parameter.requires_grad_(False)
    for module in backbone.modules():
        # bitsandbytes would repack NF4 weights into bfloat16 at the first evaluation on some CPUs, and training that goes
        # on would no longer be what it was: same seed, same result needs the weights left as they are.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return backbone.eval()


@contextmanager
def _explained(encoder: Encoder, what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
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
