"""How many changes to the code the tests notice: a random sample of mutants of each package, and the share killed.

    python -m tests.mutation evaluation adapters --sample 200 --processes 16 --minutes 8 --output mutants.json

The sample is fixed by --seed and drawn before anything is run. Where the minutes are up, the rest of it is not begun,
whatever it is; what has been begun is ended. Needs mutmut and libcst: `pip install -e '.[mutants]'`.
"""

import argparse
import json
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from scipy.stats import binomtest

from reviewtune.files import write_text
from tests.mutation.bench import Bench, Verdict, fork_server
from tests.mutation.judges import judges_of
from tests.mutation.mutants import Mutant
from tests.mutation.sample import Judged, draw, known_equivalents

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("evaluation", "adapters", "data", "tuning")
W = TypeVar("W")
SLACK, LONGER = 30, 4
"""Seconds, and times the tests' own, after which a mutant counts as killed: it hangs."""


def main() -> None:
    """Judge the sample; print the survivors as they are found, and the table."""
    options = parse()
    start = time.monotonic()
    sample = draw(ROOT, options.packages, options.sample, options.seed, options.match)
    print(f"{len(sample)} mutants drawn in {time.monotonic() - start:.0f} s", flush=True)
    context = fork_server()
    with tempfile.TemporaryDirectory() as folder:
        benches = [Bench(ROOT, Path(folder) / str(number), context) for number in range(options.processes)]
        limits = baselines(benches, sample, options.also)
        judged = judge_all(benches, sample, limits, options, start + 60 * options.minutes)
    print(table(judged, options.packages, sample))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", default=list(PACKAGES), metavar="PACKAGE", help="; ".join(PACKAGES))
    parser.add_argument("--sample", type=int, default=100, help="mutants of each package, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--processes", type=int, default=1, help="mutants that are judged at once")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="from the start, after which none is begun")
    parser.add_argument("--match", default="", help="only modules with this in their path")
    parser.add_argument("--also", nargs="+", default=[], help="test files or folders that judge every mutant too")
    parser.add_argument("--output", type=Path, help="JSON file for every verdict")
    return parser.parse_args()


def baselines(benches: list[Bench], sample: list[Mutant], also: list[str]) -> dict[str, float]:
    """Seconds that each package's tests may take: they are run on the code as it is, all processes busy."""
    sets = {package_of(mutant): judges_of(ROOT, mutant.path, also) for mutant in sample}
    wanted = list(sets) + [list(sets)[number % len(sets)] for number in range(len(benches) - len(sets))]
    verdicts: list[tuple[str, Verdict]] = []
    spread(benches, wanted, lambda bench, name: verdicts.append((name, bench.judge(None, sets[name], 3600))))
    for name, verdict in verdicts:
        print(f"{name}: the tests take {verdict.seconds:.0f} s on the code as it is", flush=True)
        if not verdict.passed:
            sys.exit(f"{name}: the tests fail on the code as it is ({verdict.failed}): mend that first")
    return {name: SLACK + LONGER * max(own.seconds for other, own in verdicts if other == name) for name in sets}


def judge_all(
    benches: list[Bench], sample: list[Mutant], limits: dict[str, float], options: argparse.Namespace, end: float
) -> list[Judged]:
    """The verdict of each mutant of the sample that could be begun before `end`, written as they come."""
    known = known_equivalents()
    judged: list[Judged] = []

    def judge(bench: Bench, mutant: Mutant) -> None:
        if time.monotonic() > end:
            return
        package = package_of(mutant)
        verdict = bench.judge(mutant, judges_of(ROOT, mutant.path, options.also), limits[package])
        own = Judged.of(package, mutant, verdict, known)
        judged.append(own)
        if options.output:
            write_text(options.output, json.dumps([asdict(each) for each in list(judged)], indent=1) + "\n")
        if own.outcome != "killed":
            print(f"{own.outcome} after {own.seconds:.0f} s: {mutant}", flush=True)

    spread(benches, sample, judge)
    return judged


def spread(benches: list[Bench], work: Sequence[W], do: Callable[[Bench, W], object]) -> None:
    """Do all the work, begun in its order, as many at once as there are benches."""
    free: queue.SimpleQueue[Bench] = queue.SimpleQueue()
    for bench in benches:
        free.put(bench)

    def run(item: W) -> None:
        bench = free.get()
        try:
            do(bench, item)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(benches)) as pool:
        # Asked for, so that an error of one is raised.
        list(pool.map(run, work))


def package_of(mutant: Mutant) -> str:
    """Of a mutant's module."""
    return mutant.path.split("/")[1]


def table(judged: list[Judged], packages: list[str], sample: list[Mutant]) -> str:
    """A markdown table: share killed of each package, with the Wilson interval of 95 %."""
    lines = ["| package | mutants judged | killed | of them by time | share killed | 95 % interval | equivalent |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for package in packages:
        own = [each for each in judged if each.package == package]
        counted = [each for each in own if each.outcome != "equivalent"]
        killed = [each for each in counted if each.outcome == "killed"]
        if not counted:
            continue
        interval = binomtest(len(killed), len(counted)).proportion_ci(method="wilson")
        by_time = sum(each.status is None for each in killed)
        share = f"{len(killed) / len(counted):.1%} | {interval.low:.1%} to {interval.high:.1%}"
        lines.append(
            f"| `{package}` | {len(counted)} | {len(killed)} | {by_time} | {share} | {len(own) - len(counted)} |"
        )
    lines.append(f"\n{len(sample) - len(judged)} of the {len(sample)} mutants drawn were not begun in time.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
