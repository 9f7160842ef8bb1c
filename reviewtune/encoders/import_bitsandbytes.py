"""bitsandbytes imported in a tenth of the time: without torch's compiler."""

import sys
from typing import Any

import torch


def import_bitsandbytes() -> None:
    """Import it, if it is not there yet, with its fallbacks for other devices as they are.

    It hands four of them to `torch.compile`, whose import takes three seconds of each process, and takes them as they
    are where that raises.
    """
    if "bitsandbytes" in sys.modules:
        return
    compile_anything = torch.compile
    torch.compile = _refuse
    try:
        import bitsandbytes  # noqa: F401
    finally:
        torch.compile = compile_anything


def _refuse(*_: Any, **__: Any) -> Any:
    raise RuntimeError("nothing is compiled while bitsandbytes is imported")
