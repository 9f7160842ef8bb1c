"""Scenes with a broker: trials that ask it for legs, and what a leg gives."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from reviewtune.tuning.broker import TrialBroker


def play(scene: Callable[[TrialBroker], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await asyncio.wait_for(scene(TrialBroker()), timeout=10)

    return asyncio.run(run())


def result(leg: int, last: bool = False) -> dict[str, Any]:
    """Of two an epoch."""
    return {"leg": leg, "epoch": leg / 2, "last": last, "f1": 0.5 + leg / 10}


async def ask(broker: TrialBroker, trial: str, number: int = 1) -> "asyncio.Task[dict[str, Any]]":
    task = asyncio.create_task(broker.leg(trial, {"rank": len(trial)}, number))
    await asyncio.sleep(0)
    return task
