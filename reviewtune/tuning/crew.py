"""The crew of a study: a pack worker on each GPU, or CPU, started, replaced and given up one by one.

Each worker is a Ray Train worker group of its own, so that a death concerns its own slots alone. The crew begins with
as many as the nodes have room for, takes in nodes that join, and asks for room where there is none by placement groups
that wait: an autoscaler sees those.
"""

import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from traceback import format_exception_only
from typing import Any

from reviewtune.quiet import be_quiet
from reviewtune.tracebacks import reason_in, reason_of
from reviewtune.tuning.ddp import TRAIN_FOLDER, free_workers, note_group
from reviewtune.tuning.growth import Growth
from reviewtune.tuning.orders import Muster
from reviewtune.tuning.pack_job import PackJob, run_name, work
from reviewtune.tuning.resources import Resources
from reviewtune.tuning.session import cluster_now

MAX_DEATHS = 8
"""Deaths of a worker and those that took its place, within `DEATHS_SECONDS`, after which no other does."""
DEATHS_SECONDS = 3600.0
"""Longer ago than this they are not counted: machines that are lent for a while may well be taken away often."""
WATCH_SECONDS = 2.0
"""Between two looks at the nodes."""
START_SECONDS = 30.0
"""How long a worker waits for the room that it was promised."""
NO_ROOM = "WorkerGroupStartupTimeoutError"
"""What Ray Train says when that was in vain."""
ASKED = "asked"
"""Name of the note of the placement groups that ask for room."""


@dataclass
class Place:
    """Where a worker is, or is to be.

    Attributes:
        has_room: As far as is known.
        deaths: Of the workers that were here, by the clock.
        number: Of the worker; None while there is none.
        run: Its Ray Train run.
        group: The placement group that asks for room; None while nothing asks.
    """

    has_room: bool
    deaths: list[float] = field(default_factory=list)
    number: int | None = None
    run: Future[None] | None = None
    group: Any = None

    def note_death(self, now: float) -> bool:
        """Count a death; whether it was one too many."""
        self.deaths = [*(at for at in self.deaths if at > now - DEATHS_SECONDS), now]
        return len(self.deaths) > MAX_DEATHS


class PackCrew:
    """The actor.

    Args:
        job: Of each worker.
        resources: Of each worker, and how many to begin with.
        growth: How many there may be.
    """

    def __init__(self, job: PackJob, resources: Resources, growth: Growth) -> None:
        be_quiet()
        self._job, self._resources, self._growth = job, resources, growth
        self._models = job.assignment.models_dir
        self._places: list[Place] = []
        self._numbers = count()
        self._given_up, self._reason = 0, ""
        self._asks_from = 0.0
        os.environ["RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"] = str(int(job.watched))
        os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = str(START_SECONDS)

    def run(self) -> None:
        """Keep the workers until the study is over, or none can work."""
        import ray

        broker = self._job.broker
        with ThreadPoolExecutor(self._growth.most) as pool:
            try:
                while True:
                    numbers = [place.number for place in self._places if place.number is not None]
                    told: Muster = ray.get(broker.muster.remote(numbers))
                    if told.closed:
                        break
                    self._keep_up(pool, told.unfit)
            except Exception as error:
                # Before the pool waits for runs that end with the study.
                ray.get(broker.close.remote(f"the pack workers cannot be kept ({reason_of(error)}): see Ray's logs"))
                raise
            finally:
                self._ask_no_more()

    def _keep_up(self, pool: ThreadPoolExecutor, unfit: dict[int, str]) -> None:
        """See to places whose worker has ended, or is to be started; then wait until there may be something new."""
        import ray

        ended = [place for place in self._places if place.run and place.run.done()]
        for place in ended:
            self._look_after(place, unfit)
        self._make_places()
        if not self._places:
            ray.get(self._job.broker.close.remote(self._reason))
            return
        self._fill(pool)
        if not ended:
            self._wait()

    def _wait(self) -> None:
        """Until a run has ended, or it is time to look at the nodes."""
        runs = [place.run for place in self._places if place.run]
        if runs:
            wait(runs, timeout=WATCH_SECONDS, return_when=FIRST_COMPLETED)
        else:
            time.sleep(WATCH_SECONDS)

    def _make_places(self) -> None:
        """As many as are wanted by now, less those that were given up."""
        fit = cluster_now().fit(self._resources.cpus, self._resources.gpus)
        wanted = self._growth.wanted(self._resources.workers, fit) - self._given_up
        while len(self._places) < wanted:
            self._places.append(Place(has_room=len(self._places) < fit))

    def _look_after(self, place: Place, unfit: dict[int, str]) -> None:
        """Say what becomes of the place of a worker whose run has ended."""
        assert place.run is not None
        assert place.number is not None
        error, number, place.run, place.number = place.run.exception(), place.number, None, None
        free_workers(self._models, run_name(number))
        if number in unfit:
            self._give_up(place, unfit[number])
        elif error is None or _found_no_room(error):
            place.has_room = False
        elif place.note_death(time.monotonic()):
            reason = reason_in("".join(format_exception_only(error)))
            self._give_up(place, f"the pack workers ended ({reason}): see Ray's logs")

    def _give_up(self, place: Place, reason: str) -> None:
        self._places.remove(place)
        self._given_up, self._reason = self._given_up + 1, reason

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        """Start workers where there is room, and ask for it where there is none."""
        if ready := [place for place in self._places if place.group and place.group.wait(timeout_seconds=0)]:
            # Those that still wait would take what these give back for their workers.
            self._ask_no_more()
            self._asks_from = time.monotonic() + START_SECONDS
            for place in ready:
                place.has_room = True
        for place in self._places:
            if place.run is None and place.has_room:
                place.number = next(self._numbers)
                place.run = pool.submit(self._train, place.number)
            elif place.run is None and place.group is None and time.monotonic() >= self._asks_from:
                self._ask(place)

    def _ask(self, place: Place) -> None:
        from ray.util import placement_group

        bundle = {"CPU": self._resources.cpus, "GPU": self._resources.gpus}
        place.group = placement_group([{name: value for name, value in bundle.items() if value}])
        note_group(self._models, ASKED, place.group)

    def _ask_no_more(self) -> None:
        """Give back all placement groups that ask."""
        free_workers(self._models, ASKED)
        for place in self._places:
            place.group = None

    def _train(self, number: int) -> None:
        """Run a worker to its end."""
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

        # Deaths and a want of room are this crew's to judge, which has other places.
        limits = ("max_failures", "controller_failure_limit", "max_preemption_failures")
        resources = self._resources
        # A `TorchTrainer` would import torch here and in its controller, for a process group that one worker needs not.
        DataParallelTrainer(
            work,
            train_loop_config={"job": self._job, "number": number},
            scaling_config=ScalingConfig(
                num_workers=1,
                use_gpu=resources.gpus > 0,
                resources_per_worker={"CPU": resources.cpus, "GPU": resources.gpus},
            ),
            run_config=RunConfig(
                name=run_name(number),
                storage_path=str(self._models / TRAIN_FOLDER),
                failure_config=FailureConfig(**{name: 0 for name in limits if hasattr(FailureConfig, name)}),
            ),
        ).fit()


def _found_no_room(error: BaseException) -> bool:
    """Whether a run ended because its worker had no place to start at."""
    return type(getattr(error, "controller_failure", None)).__name__ == NO_ROOM
