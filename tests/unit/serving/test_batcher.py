import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reviewtune.serving.batcher import Batcher, BusyError


class Lengths:
    """Judges a text by its length; keeps its batches; waits at the first until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[str | None]] = []
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def __call__(self, texts: list[str | None]) -> list[int]:
        self.batches.append(texts)
        self.begun.set()
        assert self.may_go_on.wait(10)
        return [len(text or "") for text in texts]


def run(
    work: Callable[[Batcher[int]], Coroutine[Any, Any, Any]], judge: Any, max_batch: int = 4, most_waiting: int = 100
) -> Any:
    async def inside() -> Any:
        async with Batcher(judge, max_batch=max_batch, most_waiting=most_waiting) as batcher:
            return await asyncio.wait_for(work(batcher), 20)

    return asyncio.run(inside())


async def until(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0.001)


def test_alone_a_request_is_judged_at_once_and_in_order() -> None:
    judge = Lengths()
    assert run(lambda batcher: batcher.judged(["a", None, "ccc"]), judge) == [1, 0, 3]
    assert judge.batches == [["a", None, "ccc"]]
    assert run(lambda batcher: batcher.judged([]), judge) == []


def test_what_comes_during_a_pass_is_judged_together_and_a_large_request_in_parts() -> None:
    judge = Lengths()
    judge.may_go_on.clear()

    async def work(batcher: Batcher[int]) -> list[list[int]]:
        first = asyncio.create_task(batcher.judged(["a"]))
        await until(judge.begun)
        others = [asyncio.create_task(batcher.judged(texts)) for texts in (["bb"], ["ccc", "dddd"], ["e"] * 6)]
        await asyncio.sleep(0)
        assert batcher.waiting == 9
        judge.may_go_on.set()
        return [await task for task in (first, *others)]

    assert run(work, judge) == [[1], [2], [3, 4], [1] * 6]
    assert judge.batches == [["a"], ["bb", "ccc", "dddd", "e"], ["e"] * 4, ["e"]]


def test_one_text_that_cannot_be_judged_harms_no_other() -> None:
    def judge(texts: list[str | None]) -> list[int]:
        if "bad" in texts:
            raise ValueError("no")
        return [len(text or "") for text in texts]

    async def work(batcher: Batcher[int]) -> list[Any]:
        asked = [batcher.judged([text]) for text in ("a", "bad", "cc")]
        found = await asyncio.gather(*asked, return_exceptions=True)
        return [*found, await batcher.judged(["later"])]

    first, bad, third, later = run(work, judge)
    assert (first, third, later) == ([1], [2], [5])
    assert isinstance(bad, ValueError)


def test_more_than_may_wait_are_refused_and_those_that_wait_are_answered() -> None:
    judge = Lengths()
    judge.may_go_on.clear()

    async def work(batcher: Batcher[int]) -> list[int]:
        first = asyncio.create_task(batcher.judged(["a"]))
        await until(judge.begun)
        second = asyncio.create_task(batcher.judged(["bb", "cc", "dd"]))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="3 texts wait already, of 4"):
            await batcher.judged(["e", "f"])
        judge.may_go_on.set()
        return [*await first, *await second]

    assert run(work, judge, most_waiting=4) == [1, 2, 2, 2]


def test_a_request_that_is_cancelled_while_its_pass_fails_holds_up_no_other() -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    def judge(texts: list[str | None]) -> list[int]:
        if "bad" in texts:
            begun.set()
            assert may_go_on.wait(10)
            raise RuntimeError("out of memory")
        return [len(text or "") for text in texts]

    async def work(batcher: Batcher[int]) -> list[int]:
        cancelled = asyncio.create_task(batcher.judged(["bad"]))
        await until(begun)
        cancelled.cancel()
        await asyncio.sleep(0)
        may_go_on.set()
        return await batcher.judged(["next"])

    assert run(work, judge) == [4]
