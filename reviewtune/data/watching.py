"""Who is told how far a long station of the data's way is: whoever shows it, without the stations knowing of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
"""Takes what is done, how many reviews are done and how many there are."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """Within the block `by` is told of every station's progress."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell(what: str, done: int, total: int) -> None:
    """Tell whoever watches; nobody may."""
    if watcher := _watcher.get():
        watcher(what, done, total)
