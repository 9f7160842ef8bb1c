"""The one check of a base model before anything is scheduled on it, and the commit that it is pinned to."""

from dataclasses import replace
from typing import Any

from reviewtune.encoders.architectures import positions_of
from reviewtune.encoders.configs import encoder_class, read_config
from reviewtune.encoders.failures import explained
from reviewtune.encoders.hub import commit_of, fetch
from reviewtune.encoders.inspection import Contents, inspect
from reviewtune.encoders.loading import compute_dtype, default_device, load_tokenizer, quiet_transformers
from reviewtune.encoders.memory import crowds, free_bytes, gigabytes, refuse_what_does_not_fit, weight_bytes
from reviewtune.encoders.quantisation import Quantisation
from reviewtune.encoders.registry import Encoder
from reviewtune.encoders.selftest import check_quantisation


def vetted(encoder: Encoder, quantisation: Quantisation) -> Encoder:
    """The base model, found complete, pinned to the commit of its files and cut where its positions end.

    Its files are downloaded where they are not here yet; no weight is loaded. A machine without a GPU cannot say if it
    fits another one's: each worker asks again when it loads.

    Args:
        encoder: Which base model.
        quantisation: How trials will hold it.

    Raises:
        EncoderError: Its files or tokenizer are missing or damaged, its architecture is not native, the quantisation
            does not work here, or the weights do not fit this machine's GPU.
    """
    check_quantisation(quantisation)
    load_tokenizer(encoder)
    device = default_device()
    config, contents = _read(encoder)
    with explained(encoder, "base model"):
        commit = None if encoder.is_folder else commit_of(fetch(encoder, "config.json"))
    free = free_bytes(device)
    if free is not None:
        refuse_what_does_not_fit(encoder.name, contents, quantisation, dtype=compute_dtype(device), free=free)
    positions = positions_of(config.to_dict()) or encoder.max_length
    return pinned(replace(encoder, max_length=min(encoder.max_length, positions)), commit)


def choose_quantisation(encoder: Encoder) -> tuple[Quantisation, str]:
    """What `auto` means for a base model on this machine, and why.

    The weights stay as they are where its GPU has several times the room for them, and are NF4 otherwise: also on a
    machine without a GPU, which cannot say what those of the cluster hold.

    Args:
        encoder: Which base model.

    Raises:
        EncoderError: Its files are missing or damaged, or its architecture is not native.
    """
    device = default_device()
    free, dtype = free_bytes(device), compute_dtype(device)
    if free is None:
        return "nf4", "this machine has no GPU whose memory could be asked"
    plain = weight_bytes(_read(encoder)[1], "none", dtype)
    sizes = f"{gigabytes(plain)} in {str(dtype).removeprefix('torch.')}, and {gigabytes(free)} of the GPU are free"
    return ("nf4" if crowds(plain, free) else "none"), f"the plain weights take {sizes}"


def _read(encoder: Encoder) -> tuple[Any, Contents]:
    """The configuration and the contents of a base model."""
    with explained(encoder, "base model"), quiet_transformers():
        config = read_config(encoder)
        return config, inspect(encoder, encoder_class(encoder, config), config)


def pinned(encoder: Encoder, commit: str | None) -> Encoder:
    """The base model whose name means that commit to everyone; one that has it already, or has none, as it is."""
    if commit is None or encoder.revision == commit:
        return encoder
    return replace(encoder, name=f"{encoder.source}@{commit}", revision=commit)
