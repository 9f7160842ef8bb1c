import copy
import pickle
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from reviewtune.tuning.executor import Executor
from reviewtune.tuning.room import GrowingList, GrowingSearch, Room
from reviewtune.tuning.tuner import Round, _drawn


class Ones(Searcher):  # type: ignore[misc]
    """Draws the same every time."""

    def suggest(self, trial_id: str) -> dict[str, Any]:
        return {"x": 1}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None: ...

    def save(self, checkpoint_path: str) -> None: ...

    def restore(self, checkpoint_path: str) -> None: ...


def test_a_search_draws_one_more_when_there_is_room_for_one_more() -> None:
    count = 1
    search = GrowingSearch(Ones("m", "max"), Room(lambda: count))
    assert [search.suggest(name) for name in "ab"] == [{"x": 1}, None]
    count = 2
    assert [search.suggest(name) for name in "bc"] == [{"x": 1}, None]
    search.on_trial_complete("a", {"m": 1})
    assert search.suggest("c") == {"x": 1}


def test_a_list_gives_one_more_when_there_is_room_for_one_more(monkeypatch: Any) -> None:
    count = 1
    listed = GrowingList(Room(lambda: count))
    monkeypatch.setattr(listed, "is_finished", lambda: False)
    listed._trial_iter = iter([Trial("t", stub=True, trial_id=name) for name in "abc"])
    found = [listed.next_trial(), listed.next_trial()]
    count = 2
    found += [listed.next_trial(), listed.next_trial()]
    assert [trial and trial.trial_id for trial in found] == ["a", None, "b", None]


def test_what_tune_keeps_of_it_in_files_knows_nothing_of_this_process() -> None:
    room = Room(lambda: 5)
    assert [Room(lambda: 0)(), room()] == [1, 5]
    assert [copy.deepcopy(room)(), pickle.loads(pickle.dumps(room))()] == [1, 1]
    assert GrowingSearch(Ones("m", "max"), room).get_state()["room"]() == 1


@pytest.mark.parametrize(("workers", "expected"), [(None, 4), (0, 4), (2, 4), (3, 6), (9, 10)])
def test_as_many_trials_run_in_each_pack_that_joins_as_in_those_of_the_beginning(
    workers: int | None, expected: int
) -> None:
    run: Any = SimpleNamespace(resources=SimpleNamespace(workers=2))
    executor = Executor(None, num_workers=None if workers is None else lambda: workers)
    trials = Round("tune", cast("Any", None), count=20, concurrent=4, most=10)
    drawn = _drawn(run, executor, trials)
    assert isinstance(drawn, GrowingList)
    assert drawn.room() == drawn.max_concurrent == expected
