"""Workers that join, die, come back or resign, and a broker that begins anew: who then has which trials."""

import asyncio
from typing import Any

import pytest

from reviewtune.tuning import broker as broker_module
from reviewtune.tuning.broker import TrialBroker
from reviewtune.tuning.orders import Orders
from tests.unit.tuning.brokered import ask, play, result


def test_trials_are_spread_over_the_workers() -> None:
    async def scene(broker: TrialBroker) -> list[int]:
        await broker.register(0, 3)
        await broker.register(1, 3)
        for trial in "abcdef":
            await ask(broker, trial)
        return [len((await broker.orders(worker)).admit) for worker in (0, 1)]

    assert play(scene) == [3, 3]


def test_a_worker_that_comes_back_gets_its_trials_again_with_what_is_known_of_them() -> None:
    async def scene(broker: TrialBroker) -> Orders:
        await broker.register(0, 2)
        for trial in ("a", "b"):
            await ask(broker, trial)
        await broker.orders(0)
        await broker.deliver("a", result(1))
        await broker.register(0, 2)
        return await broker.orders(0)

    orders = play(scene)
    assert sorted((trial, done) for trial, _, done in orders.admit) == [("a", 1), ("b", 0)]


def test_a_worker_that_comes_back_with_less_room_leaves_the_rest_to_others() -> None:
    async def scene(broker: TrialBroker) -> tuple[Orders, Orders]:
        await broker.register(0, 2)
        for trial in ("a", "b"):
            await ask(broker, trial)
        await broker.register(0, 1)
        await broker.register(1, 1)
        return await broker.orders(0), await broker.orders(1)

    mine, others = play(scene)
    assert sorted(trial for orders in (mine, others) for trial, _, _ in orders.admit) == ["a", "b"]


def test_of_legs_lost_with_a_worker_the_last_stands_for_all() -> None:
    async def scene(broker: TrialBroker) -> list[dict[str, Any]]:
        await broker.register(0, 1)
        asked = await ask(broker, "a")
        await broker.deliver("a", result(3))
        return [await asked, *[await broker.leg("a", {}, number) for number in (2, 3)]]

    assert play(scene) == [result(3)] * 3


def test_a_worker_that_comes_too_late_is_sent_home() -> None:
    async def scene(broker: TrialBroker) -> Orders:
        await broker.close()
        await broker.register(1, 2)
        return await broker.orders(1)

    assert play(scene).closed


def test_a_broker_that_begins_anew_learns_what_its_workers_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients' and the workers' questions are asked again by Ray; here in the worst order."""
    monkeypatch.setattr(broker_module, "_is_restarted", lambda: True)

    async def scene(_: TrialBroker) -> Any:
        broker = TrialBroker()
        await broker.muster([0, 1])
        held, free = await ask(broker, "held", 3), await ask(broker, "free")
        assert (await broker.orders(0)).unknown
        await broker.register(0, 2, {"held": ({"rank": 4}, result(2))})
        assert not broker._workers[0].admit
        await broker.register(1, 2, {})
        orders = [await broker.orders(worker) for worker in (0, 1)]
        await broker.deliver("held", result(3))
        await broker.deliver("free", result(1))
        return orders, await held, await free

    (first, second), held, free = play(scene)
    assert (first.admit, first.evict, first.allowed) == ([], [], {"held": 4})
    assert [trial for trial, _, _ in second.admit] == ["free"]
    assert (held, free) == (result(3), result(1))


def test_a_broker_that_begins_anew_does_not_wait_for_ever_for_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "_is_restarted", lambda: True)
    monkeypatch.setattr(broker_module, "RECOVERY_SECONDS", 0)

    async def scene(_: TrialBroker) -> Orders:
        broker = TrialBroker()
        await broker.muster([0, 1])
        await ask(broker, "a")
        await broker.register(0, 2, {})
        return await broker.orders(0)

    assert [trial for trial, _, _ in play(scene).admit] == ["a"]


@pytest.mark.parametrize("ended", [True, False])
def test_what_a_worker_holds_is_put_out_where_another_has_it_or_tune_has_ended_it(ended: bool) -> None:
    async def scene(broker: TrialBroker) -> Orders:
        if ended:
            await broker.leave("a")
        else:
            await ask(broker, "a")
            await broker.register(1, 1)
        await broker.register(0, 1, {"a": ({"rank": 1}, result(1))})
        return await broker.orders(0)

    orders = play(scene)
    assert (orders.evict, orders.admit, orders.allowed) == (["a"], [], {})


def test_a_result_that_comes_before_anything_else_is_kept() -> None:
    """It was on its way when the broker died; the trial's client asks again."""

    async def scene(broker: TrialBroker) -> dict[str, Any]:
        await broker.deliver("a", result(2, last=True))
        return await broker.leg("a", {"rank": 1}, 2)

    assert play(scene) == result(2, last=True)


def test_the_trials_of_a_worker_that_has_died_go_to_the_others_and_theirs_stay() -> None:
    async def scene(broker: TrialBroker) -> tuple[Orders, Orders]:
        await broker.muster([0, 1])
        await broker.register(0, 2)
        await broker.register(1, 3)
        for trial in ("a", "b", "c"):
            await ask(broker, trial)
        held = broker._workers[0].trials.copy()
        first = [await broker.orders(worker) for worker in (0, 1)]
        await broker.deliver(next(iter(held)), result(1))
        await broker.muster([1, 2])
        assert {trial for trial, _, _ in first[0].admit} == held
        return first[1], await broker.orders(1)

    before, after = play(scene)
    assert (after.evict, after.give) == ([], [])
    assert len(after.admit) == 1
    assert {*after.allowed} == {trial for orders in (before, after) for trial, _, _ in orders.admit} == {*"abc"}


def test_a_worker_that_is_taken_for_dead_is_sent_home() -> None:
    async def scene(broker: TrialBroker) -> tuple[Orders, Orders, int]:
        await broker.muster([0])
        await broker.register(0, 1)
        asked = asyncio.create_task(broker.orders(0))
        await asyncio.sleep(0)
        await broker.muster([1])
        told = await asked
        await broker.register(0, 1, {"a": ({"rank": 1}, result(1))})
        return told, await broker.orders(0), await broker.num_workers()

    told, later, count = play(scene)
    assert told.closed
    assert later.closed
    assert count == 0


def test_who_resigns_leaves_its_trials_to_others_and_says_why_it_cannot_work() -> None:
    async def scene(broker: TrialBroker) -> tuple[Any, Orders]:
        await broker.muster([0, 1])
        await broker.register(0, 1)
        await ask(broker, "a")
        await broker.resign(0, "no base model here")
        await broker.register(1, 1)
        return await broker.muster([0, 1]), await broker.orders(1)

    muster, orders = play(scene)
    assert (muster.closed, muster.unfit) == (False, {0: "no base model here"})
    assert [trial for trial, _, _ in orders.admit] == ["a"]


def test_one_that_joins_while_none_waits_gets_half_of_what_the_fullest_has() -> None:
    async def scene(broker: TrialBroker) -> tuple[set[str], Orders]:
        await broker.register(0, 5)
        for trial in "abcde":
            await ask(broker, trial)
        await broker.orders(0)
        await broker.register(1, 5)
        give = (await broker.orders(0)).give
        for trial in give:
            await broker.deliver(trial, result(1))
            await broker.hand_back(0, trial)
        # Told twice, it counts once.
        await broker.hand_back(0, give[0])
        return broker._workers[0].trials, await broker.orders(1)

    stays, goes = play(scene)
    assert len(goes.admit) == 2
    assert {delivered for _, _, delivered in goes.admit} == {1}
    assert len(stays) == 3


def test_what_waits_goes_to_one_that_joins_before_anything_is_taken_from_others() -> None:
    async def scene(broker: TrialBroker) -> tuple[list[str], list[str]]:
        await broker.register(0, 2)
        for trial in "abcd":
            await ask(broker, trial)
        await broker.orders(0)
        await broker.register(1, 2)
        return list(broker._workers[0].giving), [trial for trial, _, _ in (await broker.orders(1)).admit]

    assert play(scene) == ([], ["c", "d"])


def test_a_trial_that_ends_before_it_is_given_is_given_no_more() -> None:
    async def scene(broker: TrialBroker) -> Orders:
        await broker.register(0, 2)
        for trial in "ab":
            await ask(broker, trial)
        await broker.orders(0)
        await broker.register(1, 2)
        (giving,) = broker._workers[0].giving
        await broker.leave(giving)
        orders = await broker.orders(0)
        assert orders.evict == [giving]
        await broker.hand_back(0, giving)
        assert not broker._workers[1].trials
        return orders

    assert play(scene).give == []


def test_a_broker_that_begins_anew_waits_for_those_whom_the_crew_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "_is_restarted", lambda: True)

    async def scene(_: TrialBroker) -> list[list[str]]:
        broker, admitted = TrialBroker(), []
        await ask(broker, "a")
        await broker.register(0, 1, {})
        for crew in ([0, 1], [0]):
            await broker.muster(crew)
            admitted.append(list(broker._workers[0].admit))
        return admitted

    assert play(scene) == [[], ["a"]]
