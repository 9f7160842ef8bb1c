"""A study whose components are ended by SIGKILL, each at a moment of its own, and what came of it."""

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.faults.kept import Kept, differs, doubled, finished, legs, lost, read_kept, read_records
from tests.faults.processes import FATAL, OF, adopt_orphans, end_all, left_over, of_component
from tests.faults.said import extraordinary
from tests.faults.study import STUDIES, Program, tune_words

POLL_SECONDS = 0.2
TRIES = 3
"""Times that the same command is given again after the last kill, at most."""
ASSESSOR = "assessor"
"""The one component that lives as long whatever is left to train."""
PAUSE_SECONDS = 8.0
"""After the death of one of several pack workers, in which the others train on: a new one takes longer to start."""
PATIENCE_SECONDS = 15
"""How long processes may take to end after the last run."""


@dataclass(frozen=True)
class Reference:
    """A study of an executor that nothing disturbed.

    Attributes:
        results: Its results directory.
        seconds: Of the whole command.
        lives: First and last moment, in seconds from the first word of tuning, at which each component was seen.
    """

    results: Path
    seconds: float
    lives: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Place:
    """Where the kills of a study take place.

    Attributes:
        inputs: Of `make_inputs`.
        results: A new folder.
        reference: Of the executor; None where a kill waits for no moment.
        limit: Seconds after which a run counts as hung.
        records: Trials that must have ended before any kill.
    """

    inputs: Path
    results: Path
    reference: Reference | None
    limit: float
    records: int = 0


@dataclass
class Kill:
    """One process that was ended.

    Attributes:
        component, title: What it was.
        phase, seconds: What the study was doing, and how long that run of it was under way.
        run: Which, from 0.
        said: The extraordinary lines from then to the next kill, of each run apart.
    """

    component: str
    title: str
    phase: str
    seconds: float
    run: int
    said: list[list[str]] = field(default_factory=list)


@dataclass
class Run:
    """The command, given once: its exit status (None where it hung) and seconds."""

    status: int | None
    seconds: float


@dataclass
class Killed:
    """What came of a study's kills; a line of the output.

    Attributes:
        executor, seed: What was asked for.
        kills: In their order. A component that had ended before its moment is not among them.
        runs: The command, time and again.
        lost, doubled, differs: What is wrong with what was kept.
        left: Processes that outlived the last run.
        paused: Deaths of a pack worker that held up the others.
    """

    executor: str
    seed: int
    kills: list[Kill] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)

    @property
    def hung(self) -> int:
        """Runs that did not end in time."""
        return sum(run.status is None for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self) | {"hung": self.hung}


def refer(executor: str, inputs: Path, results: Path, limit: float) -> Reference:
    """Run an executor's study undisturbed, to see which components live when.

    Returns:
        What was seen; or, where `results` was made so before, what was seen then.

    Raises:
        RuntimeError: It does not even end well undisturbed.
    """
    note = results.with_suffix(".json")
    if note.is_file():
        return Reference(results, **json.loads(note.read_text()))
    adopt_orphans()
    lives: dict[str, tuple[float, float]] = {}
    program = Program(tune_words(executor, inputs, results))
    while program.process.poll() is None and program.seconds < limit:
        now = program.tuning
        for component in OF[executor] if now is not None else ():
            if of_component(component, program.process.pid):
                lives[component] = (lives.get(component, (now,))[0], now)
        time.sleep(POLL_SECONDS)
    seconds = program.seconds
    if program.wait(5) != 0:
        end_all()
        raise RuntimeError(f"{executor} without any fault: {program.said()[-5:]}")
    left_over(PATIENCE_SECONDS)
    note.write_text(json.dumps({"seconds": seconds, "lives": lives}))
    return Reference(results, seconds, lives)


def copy_store(source: Path, results: Path) -> None:
    """Spare a study the preparation of its inputs."""
    results.mkdir(parents=True)
    shutil.copytree(source / "store", results / "store")


def kill(executor: str, components: Sequence[str], seed: int, place: Place) -> Killed:
    """Kill each of these components of an executor's study once, and run the study to its end.

    Args:
        executor: What.
        components: All may befall one run; after one that no run outlives the command is given again.
        seed: Draws the moments and, of several processes, which.
        place: Where.
    """
    adopt_orphans()
    study = _Study(Killed(executor, seed), list(components), place, random.Random(f"{executor} {seed}"))
    if place.reference:
        copy_store(place.reference.results, place.results)
    try:
        again = 0
        while again <= TRIES:
            again = 0 if study.run() else again + 1
            if study.is_done:
                break
        study.judge()
        study.outcome.left = left_over(PATIENCE_SECONDS)
    finally:
        end_all()
    return study.outcome


@dataclass
class _Study:
    """A study that is struck.

    Attributes:
        outcome: What has come of it so far.
        waiting: Components that are still to be killed.
        place, draw: Of `kill`.
        before: Records of trials that had ended at some kill, by id, as they stood then first.
    """

    outcome: Killed
    waiting: list[str]
    place: Place
    draw: random.Random
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    _watched: tuple[float, int] | None = None
    """When one of several pack workers was killed, and how many legs all trials had kept by then."""

    def run(self) -> bool:
        """Give the command and wait for its end; whether anything of this run was killed."""
        trials = STUDIES[self.outcome.executor][1]
        program = Program(tune_words(self.outcome.executor, self.place.inputs, self.place.results))
        delays = self._delays(1 - finished(self.place.results) / trials)
        said, kills, since = 0.0, len(self.outcome.kills), dict[str, float]()
        while program.process.poll() is None and program.seconds - said < self.place.limit:
            self._look_for_pause(program)
            component = self._due(program, delays, since)
            if component and self._strike(component, program, said):
                said = program.seconds
                if component in FATAL:
                    break
            time.sleep(POLL_SECONDS)
        # One that hangs is ended with all that it has started.
        status = program.wait(max(1.0, self.place.limit - (program.seconds - said)))
        if status is None:
            end_all()
        self._note(program, said)
        self.outcome.runs.append(Run(status, round(program.seconds, 1)))
        return len(self.outcome.kills) > kills

    def _delays(self, left: float) -> dict[str, float]:
        """Seconds of its life after which each component is to die, where so large a share of the trials is left."""
        if not self.place.reference:
            return dict.fromkeys(self.waiting, 0.0)
        lives = {name: last - first for name, (first, last) in self.place.reference.lives.items()}
        shares = {name: 1.0 if name == ASSESSOR else left for name in self.waiting}
        return {name: self.draw.uniform(0, lives.get(name, 0.0) * shares[name]) for name in self.waiting}

    def _due(self, program: Program, delays: dict[str, float], since: dict[str, float]) -> str | None:
        """A component whose moment has come; `since` notes when each was first seen."""
        if not self.waiting or program.tuning is None or finished(self.place.results) < self.place.records:
            return None
        for name in self.waiting:
            if name not in since and of_component(name, program.process.pid):
                since[name] = program.seconds
        return next((name for name in self.waiting if program.seconds >= since.get(name, 1e9) + delays[name]), None)

    def _strike(self, component: str, program: Program, said: float) -> bool:
        """Kill one process of a component, if there is one just now."""
        targets = of_component(component, program.process.pid)
        with suppress(psutil.NoSuchProcess):
            if targets:
                target = self.draw.choice(targets)
                title, standing = target.cmdline()[0].rpartition("/")[2], read_records(self.place.results)
                phase, at = program.phase, program.seconds
                kept = sum(legs(self.place.results).values())
                if component == "worker" and len(targets) > 1 and self._left > 1 and kept:
                    self._watched = at, kept
                target.kill()
                self._note(program, said)
                self.before = {**Kept(standing).done, **self.before}
                self.outcome.kills.append(Kill(component, title, phase, round(at, 1), len(self.outcome.runs)))
                self.waiting.remove(component)
                return True
        return False

    @property
    def _left(self) -> int:
        """Trials that have not ended."""
        return STUDIES[self.outcome.executor][1] - finished(self.place.results)

    def _look_for_pause(self, program: Program) -> None:
        """See whether the other workers have trained on since one was killed."""
        if self._watched and program.seconds >= self._watched[0] + PAUSE_SECONDS:
            (at, kept), self._watched = self._watched, None
            if program.phase == "tuning" and sum(legs(self.place.results).values()) <= kept:
                self.outcome.paused.append(f"no leg in the {PAUSE_SECONDS:g} s after {at:.0f} s")

    def _note(self, program: Program, since: float) -> None:
        """Keep what was said since the last kill, or the start of the run."""
        if self.outcome.kills:
            self.outcome.kills[-1].said.append(extraordinary(program.said(since)))

    @property
    def is_done(self) -> bool:
        """Whether the last run ended well, with as many finished trials as were asked for."""
        status = self.outcome.runs[-1].status
        return status == 0 and finished(self.place.results) >= STUDIES[self.outcome.executor][1]

    def judge(self) -> None:
        """Say what is wrong with what was kept."""
        family, trials, _ = STUDIES[self.outcome.executor]
        try:
            after = read_kept(self.place.results)
        except (ValueError, sqlite3.Error) as error:
            self.outcome.lost = [f"unreadable: {error}"]
            return
        self.outcome.lost = lost(self.before, after, family=family, trials=trials)
        self.outcome.doubled = doubled(after, trials)
        if self.place.reference:
            self.outcome.differs = differs(after, read_kept(self.place.reference.results), family)
