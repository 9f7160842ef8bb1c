"""Whether the Hugging Face Hub answers: one try, instead of the half minute that its client goes on trying."""

import time
from functools import lru_cache
from threading import Thread

PATIENCE_S = 4.0
"""Seconds in which a hub has to answer: looking up its name and every one of its addresses count."""
AGAIN_S = 60.0
"""Seconds after which a hub is asked again."""


def hub_answers() -> bool:
    """Whether the hub may be asked for files; what is in its cache is there either way.

    The client of the hub tries a file that is not cached six times, for 24 seconds in all, and has no setting for it
    (huggingface_hub 2.4).
    """
    from huggingface_hub import constants

    return not constants.is_offline_mode() and _answers(constants.ENDPOINT, int(time.monotonic() / AGAIN_S))


@lru_cache(maxsize=1)
def _answers(endpoint: str, _: int) -> bool:
    """One answer for all that is asked at about the same time, whatever its status."""
    answered: list[bool] = []
    # A thread, since neither looking up a name nor going through its addresses can be given a limit.
    probe = Thread(target=lambda: answered.append(_asked(endpoint)), daemon=True)
    probe.start()
    probe.join(PATIENCE_S)
    return any(answered)


def _asked(endpoint: str) -> bool:
    from huggingface_hub import get_session

    try:
        get_session().head(endpoint, timeout=PATIENCE_S)
    except Exception as error:
        # Of httpx or of httpx2, as the version of huggingface_hub has it.
        if not any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
            raise
        return False
    return True
