"""The native configuration and class of a base model; one that would need code of its own is refused."""

import json
from typing import Any

from reviewtune.encoders import stella
from reviewtune.encoders.architectures import titles
from reviewtune.encoders.hub import fetch, hub_options
from reviewtune.encoders.known import NAMES
from reviewtune.encoders.registry import Encoder
from reviewtune.errors import EncoderError


def read_config(encoder: Encoder) -> Any:
    """The configuration of a base model, of transformers' own class for its architecture.

    Raises:
        EncoderError: transformers has no native class for it.
        OSError: There is no config.json, or the hub cannot be reached.
        ValueError: The config.json is damaged, or of a variant that is not native.
    """
    from transformers import CONFIG_MAPPING, AutoConfig

    settings = json.loads(fetch(encoder, "config.json").read_bytes())
    model_type = settings.get("model_type")
    if model_type == stella.MODEL_TYPE:
        return stella.gte_config(settings)
    if model_type not in CONFIG_MAPPING:
        raise EncoderError(_no_native_class(encoder, settings))
    return AutoConfig.from_pretrained(encoder.source, **hub_options(encoder))


def encoder_class(encoder: Encoder, config: Any) -> Any:
    """The transformers class that gives the last hidden states of an encoder, without any decoder.

    Raises:
        EncoderError: There is none.
    """
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, MODEL_MAPPING

    for mapping in (MODEL_FOR_TEXT_ENCODING_MAPPING, MODEL_MAPPING):
        if type(config) in mapping and not (mapping is MODEL_MAPPING and config.is_encoder_decoder):
            return mapping[type(config)]
    raise EncoderError(_no_native_class(encoder, {"model_type": config.model_type}))


def _no_native_class(encoder: Encoder, settings: dict[str, Any]) -> str:
    """The one line that says what is wrong with an architecture, and what works."""
    kind = f"its model_type {settings.get('model_type')!r}"
    if own := settings.get("auto_map"):
        file = min(str(value) for value in own.values())
        reason = f"{kind} needs code of its own ({file}), which is never run"
    else:
        reason = f"transformers has no encoder alone for {kind}"
    return (
        f"the base model {encoder.name} cannot be loaded: {reason}; give {', '.join(NAMES)}, or any encoder that "
        f"transformers has natively, such as {titles()}"
    )
