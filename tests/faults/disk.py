"""Fill a study's disk, make it read-only, or take its results directory away, and give the command again afterwards.

    python -m tests.faults.disk --output disk.jsonl

Needs root on Linux, for a small file system of its own (tmpfs); where it may not mount one it says so and ends.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.kept import finished
from tests.faults.processes import adopt_orphans, end_all, left_over
from tests.faults.said import commonest, extraordinary, in_short
from tests.faults.study import STUDIES, Program, make_inputs, tune_words
from tests.faults.table import rows

MEGABYTES = 64
FAULTS = {
    "full before": "starting",
    "full while tuning": "tuning",
    "full while assessing": "assessing",
    "read-only before": "starting",
    "removed while tuning": "tuning",
    "removed while assessing": "assessing",
    "renamed while tuning": "tuning",
}
"""Fault: the phase in which it comes. The kernel makes no disk read-only while a study holds files open there."""


@dataclass
class Tried:
    """What came of a fault; a line of the output.

    Attributes:
        executor, fault: What was done.
        status, seconds, said: The disturbed run's: exit status (None where it hung) and extraordinary lines.
        again: Exit status of the same command once the disk is well again.
        trials: That are finished then, of those asked for.
        left: Processes that outlived the runs.
    """

    executor: str
    fault: str
    status: int | None = None
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)
    again: int | None = None
    said_again: list[str] = field(default_factory=list)
    trials: str = ""
    left: list[str] = field(default_factory=list)


def why_not(folder: Path) -> str | None:
    """Why no file system can be mounted here; None where one can."""
    try:
        with mounted(folder):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        return f"no small file system can be mounted ({' '.join(said.split())}): run this as root on Linux"


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A small empty file system at a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        # Lazily: what still ends may have a file open for another second.
        _mount("umount", "--lazy", str(folder))


def _mount(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def attempt(executor: str, fault: str, seed: int, *, inputs: Path, folder: Path, limit: float) -> Tried:
    """Run an executor's study into a fault of its disk, then once more on a well one.

    Args:
        executor, fault: What.
        seed: Draws when, within the phase.
        inputs: Of the study.
        folder: A mounted file system.
        limit: Seconds after which a run hangs.
    """
    adopt_orphans()
    outcome, results = Tried(executor, fault), folder / "results"
    results.mkdir()
    words = tune_words(executor, inputs, results)
    kind, phase = fault.split(" ", 1)[0], FAULTS[fault]
    if phase == "starting":
        break_disk(kind, results)
    try:
        program = Program(words)
        since = 0.0
        if phase != "starting" and _reached(program, phase, random.Random(seed)):
            since = program.seconds
            break_disk(kind, results)
        outcome.status, outcome.said = program.wait(limit), extraordinary(program.said(since))
        outcome.seconds = round(program.seconds - since, 1)
        outcome.left = left_over(15)
        _mend(kind, results)
        again = Program(words)
        outcome.again, outcome.said_again = again.wait(limit), extraordinary(again.said())
        outcome.trials = f"{finished(results)} of {STUDIES[executor][1]}"
    finally:
        end_all()
    return outcome


def _reached(program: Program, phase: str, draw: random.Random) -> bool:
    """Wait for a moment in a phase; False where the study ended before."""
    while program.phase != phase and program.process.poll() is None:
        time.sleep(0.05)
    time.sleep(draw.uniform(0, 5 if phase == "tuning" else 1))
    return program.process.poll() is None


def break_disk(kind: str, results: Path) -> None:
    """Make the disk under a results directory `full` or `read-only`, or have the directory `removed` or `renamed`."""
    match kind:
        case "full":
            with (results.parent / "filler").open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)) == 4096:
                        pass
                except OSError:
                    return
        case "read-only":
            _mount("mount", "-o", "remount,ro", str(results.parent))
        case "removed" | "renamed":
            results.rename(results.with_name("gone"))
            if kind == "removed":
                subprocess.run(["rm", "-rf", str(results.with_name("gone"))], check=True)


def _mend(kind: str, results: Path) -> None:
    match kind:
        case "full":
            (results.parent / "filler").unlink()
        case "read-only":
            _mount("mount", "-o", "remount,rw", str(results.parent))
        case "renamed":
            subprocess.run(["rm", "-rf", str(results)], check=True)
            results.with_name("gone").rename(results)


def main() -> int:
    """Run the program; its exit status is 1 where a run hung, or did not go on afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", action="append", choices=list(STUDIES), help="default: each")
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="default: each")
    parser.add_argument("--seed", type=int, default=0, help="of the moment (default 0)")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a run hangs (default 300)")
    parser.add_argument("--output", type=Path, default=Path("disk.jsonl"), help="a line a fault is added to it")
    options = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as name:
        if reason := why_not(Path(name) / "tried"):
            print(reason, file=sys.stderr)
            return 0
        inputs = Path(name) / "inputs"
        make_inputs(inputs)
        for executor in options.executor or STUDIES:
            for number, fault in enumerate(options.fault or FAULTS):
                with mounted(Path(name) / f"{executor}-{number}") as folder:
                    outcome = _try(executor, fault, options, inputs, folder)
                outcomes.append(outcome)
                print(json.dumps(asdict(outcome)), file=sys.stderr, flush=True)
    print(_table(outcomes))
    return int(any(outcome.status is None or outcome.again != 0 for outcome in outcomes))


def _try(executor: str, fault: str, options: argparse.Namespace, inputs: Path, folder: Path) -> Tried:
    outcome = attempt(executor, fault, options.seed, inputs=inputs, folder=folder, limit=options.limit)
    with options.output.open("a") as file:
        file.write(json.dumps(asdict(outcome)) + "\n")
    return outcome


def _table(outcomes: list[Tried]) -> str:
    cells = []
    for outcome in outcomes:
        ends = ["hung" if status is None else str(status) for status in (outcome.status, outcome.again)]
        said = commonest([in_short(outcome.said)])
        cells.append([outcome.executor, outcome.fault, *ends, outcome.trials, str(len(outcome.left)), said])
    head = ["executor", "the disk", "exit status", "with room again", "trials then", "left running", "what is read"]
    return rows(head, cells)


if __name__ == "__main__":
    sys.exit(main())
