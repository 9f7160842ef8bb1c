"""One kill: a study, one process of it ended by SIGKILL at a moment, the same command again, and what came of it."""

import json
import random
import shutil
import sqlite3
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.faults.kept import differs, doubled, finished, lost, read_kept, read_records
from tests.faults.processes import OF, adopt_orphans, end_all, left_over, of_component
from tests.faults.said import extraordinary
from tests.faults.study import STUDIES, Program, tune_words

POLL_SECONDS = 0.2
TRIES = 3
"""Times that the same command is given again, at most."""
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
    """Where a kill takes place.

    Attributes:
        inputs: Of `make_inputs`.
        results: A new folder.
        reference: Of the executor; None where the kill waits for no moment.
        limit: Seconds after which a run counts as hung.
        records: Trials that must have ended before.
    """

    inputs: Path
    results: Path
    reference: Reference | None
    limit: float
    records: int = 0


@dataclass
class Run:
    """The command, given once: its exit status (None where it hung), seconds, and extraordinary lines."""

    status: int | None
    seconds: float
    said: list[str]


@dataclass
class Killed:
    """What came of a kill; a line of the output.

    Attributes:
        executor, component, seed: What was asked for.
        phase, title, seconds: What the study was doing, what was killed, and when; empty where it was never there.
        runs: The disturbed run, and the same command again.
        lost, doubled, differs: What is wrong with what was kept.
        left: Processes that outlived the last run.
    """

    executor: str
    component: str
    seed: int
    phase: str = ""
    title: str = ""
    seconds: float = 0.0
    runs: list[Run] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

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


def kill(executor: str, component: str, seed: int, place: Place) -> Killed:
    """Kill a component of an executor's study at a random moment of its life, and run the study to its end.

    Args:
        executor, component: What.
        seed: Draws the moment and, of several processes, which.
        place: Where.
    """
    adopt_orphans()
    draw = random.Random(f"{executor} {component} {seed}")
    outcome = Killed(executor, component, seed)
    words = tune_words(executor, place.inputs, place.results)
    try:
        program, before = _strike(outcome, words, place, draw)
        _finish(outcome, program, place.limit)
        while not _is_done(outcome, place) and len(outcome.runs) <= TRIES:
            _finish(outcome, Program(words), place.limit)
        _judge(outcome, before, place)
        outcome.left = left_over(PATIENCE_SECONDS)
    finally:
        end_all()
    return outcome


def _strike(
    outcome: Killed, words: list[str], place: Place, draw: random.Random
) -> tuple[Program, dict[str, dict[str, Any]]]:
    """Start the study and kill; the program, and the records that stood then.

    A study that ends before there is anything to kill is begun anew, with another moment.
    """
    for _ in range(TRIES):
        shutil.rmtree(place.results, ignore_errors=True)
        moment = 0.0
        if place.reference:
            copy_store(place.reference.results, place.results)
            moment = draw.uniform(*place.reference.lives[outcome.component])
        program = Program(words)
        target = _wait_for(outcome.component, program, moment, draw, place)
        with suppress(psutil.NoSuchProcess):
            if target:
                title, before = target.cmdline()[0].rpartition("/")[2], read_records(place.results)
                outcome.phase, outcome.seconds = program.phase, round(program.seconds, 1)
                target.kill()
                outcome.title = title
                return program, before
        program.wait(place.limit)
        end_all()
    return program, {}


def _wait_for(
    component: str, program: Program, moment: float, draw: random.Random, place: Place
) -> psutil.Process | None:
    """A process of the component, at the moment or as soon afterwards as there is one; None if the study ends first."""
    while program.process.poll() is None:
        is_time = (program.tuning or 0) >= moment and finished(place.results) >= place.records
        if is_time and (found := of_component(component, program.process.pid)):
            return draw.choice(found)
        time.sleep(POLL_SECONDS)
    return None


def _finish(outcome: Killed, program: Program, limit: float) -> None:
    """Wait for a run's end; one that hangs is ended with all that it has started."""
    since = outcome.seconds if not outcome.runs else 0.0
    status = program.wait(limit)
    outcome.runs.append(Run(status, round(program.seconds - since, 1), extraordinary(program.said(since))))
    if status is None:
        end_all()


def _is_done(outcome: Killed, place: Place) -> bool:
    """Whether the last run ended well, with as many finished trials as were asked for."""
    return outcome.runs[-1].status == 0 and finished(place.results) >= STUDIES[outcome.executor][1]


def _judge(outcome: Killed, before: dict[str, Any], place: Place) -> None:
    family, trials, _ = STUDIES[outcome.executor]
    try:
        after = read_kept(place.results)
    except (ValueError, sqlite3.Error) as error:
        outcome.lost = [f"unreadable: {error}"]
        return
    outcome.lost = lost(before, after, family=family, trials=trials)
    outcome.doubled = doubled(after, trials)
    if place.reference:
        outcome.differs = differs(after, read_kept(place.reference.results), family)
