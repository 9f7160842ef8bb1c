"""The one check of a base model before anything is scheduled on it, and the commit that it is pinned to."""

from dataclasses import replace

from reviewtune.encoders.architectures import positions_of
from reviewtune.encoders.configs import encoder_class, read_config
from reviewtune.encoders.failures import explained
from reviewtune.encoders.hub import commit_of, fetch
from reviewtune.encoders.inspection import inspect
from reviewtune.encoders.loading import compute_dtype, default_device, load_tokenizer, quiet_transformers
from reviewtune.encoders.memory import free_bytes, refuse_what_does_not_fit
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
    with explained(encoder, "base model"), quiet_transformers():
        config = read_config(encoder)
        contents = inspect(encoder, encoder_class(encoder, config), config)
        commit = None if encoder.is_folder else commit_of(fetch(encoder, "config.json"))
    free = free_bytes(device)
    if free is not None:
        refuse_what_does_not_fit(encoder.name, contents, quantisation, dtype=compute_dtype(device), free=free)
    positions = positions_of(config.to_dict()) or encoder.max_length
    return pinned(replace(encoder, max_length=min(encoder.max_length, positions)), commit)


def pinned(encoder: Encoder, commit: str | None) -> Encoder:
    """The base model whose name means that commit to everyone; one that has it already, or has none, as it is."""
    if commit is None or encoder.revision == commit:
        return encoder
    return replace(encoder, name=f"{encoder.source}@{commit}", revision=commit)
