from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.train import ControllerError, WorkerGroupError

from reviewtune.tuning import crew as crew_module
from reviewtune.tuning.crew import MAX_DEATHS, PackCrew, Place
from reviewtune.tuning.ddp import TRAIN_FOLDER
from reviewtune.tuning.growth import Growth
from reviewtune.tuning.orders import Muster
from reviewtune.tuning.resources import Resources
from reviewtune.tuning.session import Cluster

WorkerGroupStartupTimeoutError = type("WorkerGroupStartupTimeoutError", (Exception,), {})
DEATH, NO_ROOM = WorkerGroupError("died", {}), ControllerError(WorkerGroupStartupTimeoutError("in vain"))


class Stage:
    """A crew whose workers end when the test says so, on nodes with as much room as it says."""

    def __init__(self, models: Path, patch: pytest.MonkeyPatch, growth: Growth, fit: int, workers: int = 2) -> None:
        self.fit, self.ready, self.now = fit, False, 1000.0
        self.musters: list[list[int]] = []
        self.closed: list[str] = []
        self.runs: dict[int, Future[None]] = {}
        self.unfit: dict[int, str] = {}
        broker = SimpleNamespace(
            muster=SimpleNamespace(remote=self._muster), close=SimpleNamespace(remote=self.closed.append)
        )
        job: Any = SimpleNamespace(broker=broker, assignment=SimpleNamespace(models_dir=models), watched=False)
        patch.setattr("ray.get", lambda told: told)
        patch.setattr("ray.util.placement_group", self._group)
        patch.setattr(crew_module, "cluster_now", lambda: Cluster(self.fit, 0))
        patch.setattr(crew_module, "free_workers", lambda models, name: self.freed.append(name))
        patch.setattr(crew_module, "note_group", lambda *_: None)
        patch.setattr(crew_module.time, "monotonic", lambda: self.now)
        for name in ("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"):
            patch.setenv(name, "")
        self.freed: list[str] = []
        self.asked: list[Any] = []
        self.crew = PackCrew(job, Resources(1, 0, workers, 4, 2), growth)
        patch.setattr(self.crew, "_wait", self._wait)

    def play(self, *acts: Any) -> None:
        """Run the crew; after each look it takes one more of the acts, then the study is over."""
        self.acts, self.over = list(acts), False
        self.crew.run()

    def _muster(self, crew: list[int]) -> Muster:
        self.musters.append(crew)
        return Muster(self.over or bool(self.closed), self.unfit)

    def _submit(self, _: Any, number: int) -> Future[None]:
        self.runs[number] = Future()
        return self.runs[number]

    def _group(self, bundles: Any) -> Any:
        self.asked.append(bundles)
        return SimpleNamespace(wait=lambda timeout_seconds: self.ready)

    def _wait(self) -> None:
        if self.acts:
            self.acts.pop(0)()
        else:
            self.over = True

    def end(self, number: int, error: BaseException | None = None) -> None:
        self.runs[number].set_exception(error) if error else self.runs[number].set_result(None)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    class Pool:
        def __init__(self, _: int) -> None: ...

        def __enter__(self) -> Any:
            return SimpleNamespace(submit=made._submit)

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(crew_module, "ThreadPoolExecutor", Pool)
    made: Any = None

    def make(growth: Growth, fit: int, workers: int = 2) -> Stage:
        nonlocal made
        made = Stage(tmp_path / TRAIN_FOLDER, monkeypatch, growth, fit, workers)
        return made

    return make


def test_one_that_dies_is_replaced_and_the_others_are_left_alone(stage: Any) -> None:
    play = stage(Growth(2, 4, 0, 0, 8), fit=2)
    play.play(lambda: play.end(0, DEATH))
    assert list(play.runs) == [0, 1, 2]
    assert play.musters[-1] == [2, 1]
    assert "pack-0" in play.freed
    assert play.asked == []


def test_nodes_that_join_are_taken_in(stage: Any) -> None:
    play = stage(Growth(2, 4, 0, 0, 8), fit=2)
    play.play(lambda: setattr(play, "fit", 3), lambda: setattr(play, "fit", 9))
    assert play.musters == [[], [0, 1], [0, 1, 2], [0, 1, 2, 3]]


def test_room_that_is_not_there_is_asked_for_and_used_when_it_is(stage: Any) -> None:
    play = stage(Growth(0, 3, 0, 3, 8), fit=0, workers=1)

    def later() -> None:
        play.ready, play.now = False, play.now + 100

    play.play(lambda: None, lambda: setattr(play, "ready", True), later)
    assert play.asked[:3] == [[{"CPU": 1}]] * 3
    assert list(play.runs) == [0, 1, 2]
    assert "asked" in play.freed


def test_others_ask_again_only_when_a_worker_has_had_time_to_take_what_was_found(stage: Any) -> None:
    play = stage(Growth(1, 2, 0, 2, 8), fit=1, workers=1)
    seen: list[int] = []
    play.play(
        lambda: play.end(0, NO_ROOM),
        lambda: setattr(play, "ready", True),
        lambda: (setattr(play, "ready", False), play.end(1, NO_ROOM), seen.append(len(play.asked))),
        lambda: seen.append(len(play.asked)),
        lambda: setattr(play, "now", play.now + 100),
    )
    assert seen[0] == seen[1] == 2
    assert len(play.asked) > 2


def test_one_whose_machine_is_taken_away_asks_for_another(stage: Any) -> None:
    play = stage(Growth(2, 4, 0, 0, 8), fit=2)
    play.play(lambda: play.end(1))
    assert list(play.runs) == [0, 1]
    assert len(play.asked) == 1


def test_one_that_cannot_work_where_it_is_is_given_up_while_others_live(stage: Any) -> None:
    play = stage(Growth(2, 4, 0, 0, 8), fit=2)
    play.unfit = {0: "no base model here"}
    play.play(lambda: play.end(0), lambda: None)
    assert (list(play.runs), play.closed) == ([0, 1], [])
    play = stage(Growth(2, 4, 0, 0, 8), fit=2)
    play.unfit = {0: "no base model here", 1: "nor here"}
    play.play(lambda: (play.end(0), play.end(1)))
    assert play.closed == ["nor here"]


def test_one_that_dies_again_and_again_is_given_up(stage: Any) -> None:
    play = stage(Growth(1, 1, 0, 0, 8), fit=1, workers=1)
    play.play(*[lambda n=number: play.end(n, DEATH) for number in range(MAX_DEATHS + 1)])
    assert len(play.runs) == MAX_DEATHS + 1
    assert play.closed == ["the pack workers ended (its worker died, perhaps for want of memory): see Ray's logs"]


def test_deaths_of_long_ago_do_not_count() -> None:
    place = Place(has_room=True)
    assert not any(place.note_death(at * 1000.0) for at in range(30))
    assert [place.note_death(30_000.0 + at) for at in range(6)][-1]


def test_what_it_was_not_prepared_for_is_told_to_the_trials(stage: Any) -> None:
    play = stage(Growth(2, 4, 0, 0, 8), fit=2)

    def fail() -> None:
        raise RuntimeError("the nodes cannot be\nlisted")

    with pytest.raises(RuntimeError):
        play.play(fail)
    assert play.closed == ["the pack workers cannot be kept (the nodes cannot be listed): see Ray's logs"]
    assert play.freed == ["asked"]
