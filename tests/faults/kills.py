"""Kill every component of small studies at random moments, and say what was lost, doubled or hung.

    python -m tests.faults.kills --times 6 --jobs 6 --output kills.jsonl

In one study each component that a run outlives is killed once, mostly in one run; in another the driver, the raylet
and the GCS, each in a run of its own. A line of the output is a study; the table on standard output sums up the kills.
`--table kills.jsonl` prints it again. A job takes two cores and 2 GB, and one or two minutes.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from tests.faults.kill import Place, kill, refer
from tests.faults.processes import FATAL, OF
from tests.faults.study import make_inputs
from tests.faults.table import markdown, told

START_SECONDS = 3
"""Between the starts of two jobs: Rays that start at once would take the same ports."""


def main() -> int:
    """Run the program; its exit status is 1 where anything was lost, doubled, hung or paused."""
    options = _options()
    if options.table:
        print(markdown([json.loads(line) for line in options.table.read_text().splitlines()]))
        return 0
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as name:
        kills = list(_run(options, options.work or Path(name)))
    print(markdown(kills))
    faults = ("lost", "doubled", "differs", "hung", "paused")
    return int(any(line.get(fault) for line in kills for fault in faults))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", action="append", choices=list(OF), help="default: inline, packed and ddp")
    parser.add_argument("--component", action="append", help="default: each of the executor's")
    parser.add_argument("--skip", nargs="*", default=[], metavar="EXECUTOR:COMPONENT", help="leave these alive")
    parser.add_argument("--times", type=int, default=1, help="pairs of studies of each executor (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the first study's moments (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="studies side by side (default 1)")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a run hangs (default 300)")
    parser.add_argument("--output", type=Path, default=Path("kills.jsonl"), help="a line a study is added to it")
    parser.add_argument("--work", type=Path, help="keep the results here; undisturbed studies are not run again")
    parser.add_argument("--table", type=Path, help="only sum up this file")
    return parser.parse_args()


def _run(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    executors = options.executor or ["inline", "packed", "ddp"]
    inputs = folder / "inputs"
    # Not in this process, which would hold torch in memory from then on.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(make_inputs, inputs).result()
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = {}
        for executor in executors:
            waiting[executor] = pool.submit(refer, executor, inputs, folder / executor, options.limit)
            time.sleep(START_SECONDS)
        references = {executor: future.result() for executor, future in waiting.items()}
        for executor, reference in references.items():
            print(f"{executor}: {reference.seconds:.0f} s undisturbed", file=sys.stderr)
        futures = []
        for seed, executor, is_fatal in product(range(options.seed, options.seed + options.times), executors, (0, 1)):
            asked = [each for each in OF[executor] if each in (options.component or OF[executor])]
            components = [each for each in asked if f"{executor}:{each}" not in options.skip]
            components = [each for each in components if (each in FATAL) == is_fatal]
            if not components:
                continue
            place = Place(inputs, folder / f"{executor}-{seed}-{is_fatal}", references[executor], options.limit)
            futures.append(pool.submit(kill, executor, components, seed, place))
            if len(futures) < options.jobs:
                time.sleep(START_SECONDS)
        for future in as_completed(futures):
            line = future.result().as_json()
            with options.output.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(told(line), file=sys.stderr, flush=True)
            yield line


if __name__ == "__main__":
    sys.exit(main())
