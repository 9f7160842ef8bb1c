"""Texts of concurrent requests, judged together: what comes while a pass runs waits for the next one.

Nobody waits for a batch to fill: alone, a request is judged at once, and the more come, the larger the batches are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
Judge = Callable[[list[str | None]], Sequence[T]]
"""Says something of each of some texts, in their order."""


class BusyError(Exception):
    """More texts wait than should."""


class Batcher(Generic[T]):
    """Hands texts to a judge, in batches, from a thread of its own.

    Args:
        judge: Called from one thread, never twice at a time.
        max_batch: Most texts that it is given at once.
        most_waiting: Most texts that wait; a request is refused where it would make them more.
        told: Is given the size of each batch.
    """

    def __init__(
        self,
        judge: Judge[T],
        *,
        max_batch: int,
        most_waiting: int,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._judge = judge
        self._max_batch, self._most_waiting, self._told = max_batch, most_waiting, told
        self._waiting: deque[tuple[str | None, asyncio.Future[T]]] = deque()
        self._come = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._loop: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Texts whose pass has not begun."""
        return len(self._waiting)

    async def __aenter__(self) -> "Batcher[T]":
        self._loop = asyncio.create_task(self._judge_what_comes())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End; requests have been answered by then."""
        assert self._loop is not None
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        self._thread.shutdown()

    async def judged(self, texts: Sequence[str | None]) -> list[T]:
        """What the judge says of each text.

        Raises:
            BusyError: Too many wait already.
            Exception: What the judge raised of one of them, judged alone.
        """
        if len(self._waiting) + len(texts) > self._most_waiting:
            raise BusyError(f"{len(self._waiting):,} texts wait already, of {self._most_waiting:,}")
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in texts]
        self._waiting.extend(zip(texts, futures, strict=True))
        self._come.set()
        # All are waited for, so that none is left with an error that nobody asks for.
        found = await asyncio.gather(*futures, return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException):
                raise each
        return [each for each in found if not isinstance(each, BaseException)]

    async def _judge_what_comes(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            while self._waiting:
                size = min(len(self._waiting), self._max_batch)
                await self._judge_batch([self._waiting.popleft() for _ in range(size)])

    async def _judge_batch(self, batch: list[tuple[str | None, "asyncio.Future[T]"]]) -> None:
        batch = [(text, future) for text, future in batch if not future.done()]
        if not batch:
            return
        self._told(len(batch))
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, self._judge, [text for text, _ in batch])
            for (_, future), each in zip(batch, found, strict=True):
                if not future.done():
                    future.set_result(each)
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            if len(batch) == 1:
                if not batch[0][1].done():  # as one that was cancelled meanwhile
                    batch[0][1].set_exception(error)
                return
            # One text that cannot be judged does no harm to those that came with it.
            for one in batch:
                await self._judge_batch([one])
