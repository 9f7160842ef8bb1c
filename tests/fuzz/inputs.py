"""Read many damaged inputs, each of which must give a correct result or one clear line, never end or hold up a process.

python tests/fuzz/inputs.py --count 100000 --seed 0
python tests/fuzz/inputs.py --seed 0 --case 4711     # one of them, with its traceback
"""

import argparse
import faulthandler
import multiprocessing
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from holding import KINDS, BrokenPromiseError, hold, make_case

WORKERS = 2
LIMIT_S = 60
READ, REFUSED, BROKEN, RAISED, CRASHED, HUNG = OUTCOMES = ("read", "refused", "broken", "raised", "crashed", "hung")
FAULTS = (BROKEN, RAISED, CRASHED, HUNG)
IDLE = -1


def outcome(seed: int, number: int) -> tuple[str, str]:
    """What became of one input, and what is to be said of it."""
    try:
        return (READ if hold(make_case(seed, number)) else REFUSED), ""
    except BrokenPromiseError as error:
        return BROKEN, str(error)
    except BaseException as error:  # noqa: BLE001 - any other exception is what is looked for
        return RAISED, f"{type(error).__name__}: {error}"


def work(seed: int, first: int, count: int, at: Any, found: Any) -> None:
    """Read every `WORKERS`th input from the first on; `at` tells which one it is at, should the process end there."""
    faulthandler.enable()
    for number in range(first, count, WORKERS):
        at.value = number
        found.send((number, *outcome(seed, number)))
    at.value = IDLE


@dataclass
class Worker:
    """A process that reads inputs, started anew behind one that ended it."""

    seed: int
    count: int
    first: int
    seen: tuple[int, float] = (IDLE, 0.0)
    process: Any = None
    found: Any = None
    at: Any = field(default_factory=lambda: multiprocessing.get_context("fork").Value("q", IDLE))

    def start(self, first: int) -> None:
        """Read from an input on."""
        context = multiprocessing.get_context("fork")
        self.found, sending = context.Pipe(duplex=False)
        self.at.value = IDLE
        self.seen = (IDLE, time.monotonic())
        self.process = context.Process(target=work, args=(self.seed, first, self.count, self.at, sending), daemon=True)
        self.process.start()
        sending.close()

    def results(self) -> list[tuple[int, str, str]]:
        """What has been found since the last time, crashes and hangs too."""
        found = []
        try:
            # Not until none is left, which may be never: the other worker waits until its results are taken too.
            for _ in range(100):
                if not self.found.poll():
                    break
                found.append(self.found.recv())
        except (EOFError, OSError):
            self.process.join()
            if self.process.exitcode:
                found.append(self._ended(CRASHED, f"exit status {self.process.exitcode}"))
            else:
                self.process = None
            return found
        if self.at.value != self.seen[0]:
            self.seen = (self.at.value, time.monotonic())
        elif time.monotonic() - self.seen[1] > LIMIT_S:
            self.process.kill()
            self.process.join()
            found.append(self._ended(HUNG, f"more than {LIMIT_S} s"))
        return found

    def _ended(self, how: str, reason: str) -> tuple[int, str, str]:
        number = self.at.value
        self.start(number + WORKERS)
        return number, how, reason


def run(seed: int, count: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """The inputs by kind and outcome, and a line for each fault."""
    workers = [Worker(seed, count, first) for first in range(WORKERS)]
    for worker in workers:
        worker.start(worker.first)
    counts: Counter[tuple[str, str]] = Counter()
    faults = []
    while running := [worker for worker in workers if worker.process]:
        wait([worker.found for worker in running], timeout=0.1)
        for worker in running:
            for number, how, reason in worker.results():
                kind = KINDS[number % len(KINDS)]
                counts[kind, how] += 1
                if how in FAULTS:
                    faults.append(f"--seed {seed} --case {number} ({kind}): {how}: {reason[:500]}")
                    print(faults[-1], flush=True)
    return counts, faults


def table(counts: Counter[tuple[str, str]]) -> str:
    """The counts as a Markdown table."""
    lines = [_line("kind", "inputs", *OUTCOMES), "|---" * (len(OUTCOMES) + 2) + "|"]
    for kind in (*KINDS, "all"):
        found = [sum(counts[one, how] for one in KINDS if kind in (one, "all")) for how in OUTCOMES]
        lines.append(_line(kind.replace("|", "\\|"), *(f"{count:,}" for count in (sum(found), *found))))
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Exit status 1 where an input was neither read nor refused as it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    if options.case is not None:
        case = make_case(options.seed, options.case)
        print(case.kind, case.name, case.options, case.raw[:2000], sep="\n")
        print("read" if hold(case) else "refused")
        return 0
    started = time.monotonic()
    counts, faults = run(options.seed, options.count)
    print(table(counts))
    print(f"{counts.total():,} inputs, {len(faults)} faults, {time.monotonic() - started:.0f} s")
    return 1 if faults or counts.total() != options.count else 0


if __name__ == "__main__":
    sys.exit(main())
