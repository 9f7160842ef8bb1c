"""Legs between trials that ask for them and workers that train them."""

from typing import Any

import pytest

from reviewtune.tuning.broker import TrialBroker
from reviewtune.tuning.orders import Orders
from tests.unit.tuning.brokered import ask, play, result


def test_a_leg_is_handed_out_trained_and_given_back() -> None:
    async def scene(broker: TrialBroker) -> tuple[Orders, dict[str, Any]]:
        await broker.register(0, 2)
        asked = await ask(broker, "a")
        orders = await broker.orders(0)
        await broker.deliver("a", result(1))
        return orders, await asked

    orders, measured = play(scene)
    assert orders == Orders(admit=[("a", {"rank": 1}, 0)], evict=[], allowed={"a": 2}, closed=False)
    assert measured == result(1)


def test_a_worker_may_be_one_leg_ahead_of_what_was_asked() -> None:
    async def scene(broker: TrialBroker) -> list[int]:
        await broker.register(0, 1)
        asked, allowed = await ask(broker, "a"), []
        for number in (1, 2, 3):
            allowed.append((await broker.orders(0)).allowed["a"])
            await broker.deliver("a", result(number))
            assert await asked == result(number)
            asked = await ask(broker, "a", number + 1)
        return allowed

    assert play(scene) == [2, 3, 4]


def test_a_leg_that_was_asked_for_again_is_given_again() -> None:
    """By a client that died before it could report it."""

    async def scene(broker: TrialBroker) -> None:
        await broker.register(0, 1)
        first = await ask(broker, "a")
        await broker.deliver("a", result(1))
        assert await first == await broker.leg("a", {}, 1) == result(1)

    play(scene)


def test_a_freed_slot_goes_to_the_next_trial_at_once() -> None:
    async def scene(broker: TrialBroker) -> tuple[Orders, Orders]:
        await broker.register(0, 1)
        for trial in ("a", "b"):
            await ask(broker, trial)
        first = await broker.orders(0)
        await broker.leave("a")
        return first, await broker.orders(0)

    first, second = play(scene)
    assert [trial for trial, _, _ in first.admit] == ["a"]
    assert second.evict == ["a"]
    assert [trial for trial, _, _ in second.admit] == ["b"]
    assert second.allowed == {"b": 2}


@pytest.mark.parametrize("before", [True, False])
def test_a_trial_that_is_put_out_while_it_waits_is_told(before: bool) -> None:
    async def scene(broker: TrialBroker) -> dict[str, Any]:
        if before:
            await broker.register(0, 1)
        asked = await ask(broker, "a")
        await broker.leave("a")
        await broker.register(1, 1)
        assert not broker._workers[1].admit
        return await asked

    assert play(scene) == {"error": "it has been stopped", "by_machine": False}


def test_a_leg_that_is_delivered_twice_counts_once() -> None:
    async def scene(broker: TrialBroker) -> None:
        await broker.register(0, 1)
        await ask(broker, "a")
        for _ in range(2):
            await broker.deliver("a", result(1))
        second = await ask(broker, "a", 2)
        assert not second.done()
        await broker.deliver("a", result(2, last=True))
        assert await second == result(2, last=True)

    play(scene)


def test_a_trial_that_fails_says_why_and_frees_its_slot() -> None:
    async def scene(broker: TrialBroker) -> dict[str, Any]:
        await broker.register(0, 1)
        asked, _ = await ask(broker, "a"), await ask(broker, "b")
        await broker.fail("a", "the loss is no number")
        assert "b" in broker._workers[0].trials
        # Tune tries a failed trial once more: it fails at once, by the same words.
        assert await broker.leg("a", {}, 1) == await asked
        return await asked

    assert play(scene) == {"error": "the loss is no number", "by_machine": False}


def test_closing_ends_the_workers_and_whoever_waits() -> None:
    async def scene(broker: TrialBroker) -> tuple[Orders, dict[str, Any]]:
        await broker.register(0, 1)
        asked = await ask(broker, "a")
        await broker.close("the base model is gone")
        return await broker.orders(0), await asked

    orders, measured = play(scene)
    assert orders.closed
    assert measured == {"error": "the base model is gone", "by_machine": True}


def test_a_machine_that_fails_a_trial_is_told_from_a_trial_that_fails() -> None:
    async def scene(broker: TrialBroker) -> dict[str, Any]:
        await broker.register(0, 1)
        asked = await ask(broker, "a")
        await broker.fail("a", "the disk is full", by_machine=True)
        return await asked

    assert play(scene) == {"error": "the disk is full", "by_machine": True}
