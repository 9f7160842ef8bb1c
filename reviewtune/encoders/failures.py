"""Why something of a base model cannot be loaded, in one line, with what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from reviewtune.encoders.registry import Encoder
from reviewtune.errors import EncoderError
from reviewtune.tracebacks import reason_of

COMPLETE = "check that the folder is complete and that transformers has a native class for its model_type"
REACH = "check the id and the network, or download it and give --base-model FOLDER"
NOT_CACHED = "LocalEntryNotFoundError"
OFFLINE = "HF_HUB_OFFLINE is set and it is not cached: unset it, or give --base-model FOLDER"
MENDS = {
    "RevisionNotFoundError": "give a branch, tag or commit that the hub has: --base-model owner/name@revision",
    "GatedRepoError": "ask its owner for access and log in with `hf auth login`, or give --base-model FOLDER",
}
"""What to do, by the cause that huggingface_hub names."""


@contextmanager
def explained(encoder: Encoder, what: str) -> Iterator[None]:
    """Say in one line why something of an encoder cannot be loaded.

    The libraries below raise many kinds: OSError, ValueError, KeyError, SafetensorError, ImportError for an optional
    tokenizer library, RuntimeError for shapes that do not fit, and tokenizers a bare Exception.

    Args:
        encoder: Which base model.
        what: Of it cannot be loaded.

    Raises:
        EncoderError: In place of any other error. One that is raised inside passes as it is.
    """
    try:
        yield
    except EncoderError:
        raise
    except Exception as error:
        causes = _causes(error)
        reason = reason_of(error)
        if NOT_CACHED in causes:
            reason = "the hub does not answer, and it is not in the hub's cache on this machine"
        mend = COMPLETE if encoder.is_folder else _mend_of(causes)
        raise EncoderError(f"the {what} of {encoder.name} cannot be loaded ({reason}): {mend}") from error


def _mend_of(causes: list[str]) -> str:
    """What to do about a failure of the hub's, by the first cause that is known."""
    from huggingface_hub.constants import is_offline_mode

    known = [MENDS[cause] for cause in causes if cause in MENDS]
    return known[0] if known else OFFLINE if is_offline_mode() else REACH


def _causes(error: BaseException | None) -> list[str]:
    """The names of an error's class and of those of its causes, the last one first."""
    names = []
    while error is not None:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return names
