"""Searches of many trials side by side, simulated on kept learning curves: regret against tokens.

    python benchmarks/searches.py --curves results/minilm_curves.parquet --minutes 8 --output searches.jsonl

A simulated search asks a sampler for configurations, the default one first, and trains them in a pack whose slots take
a step at a time, so that an epoch of a batch of 8 lasts eight times as long as one of 64. A surrogate (`surrogate.py`)
says what a leg scores, which the search sees with noise; a scheduler (`schedulers.py`) stops trials, and a free slot
takes the next one at once. A trial that is taken up again is told to the sampler again when it ends.

Regret is how far the F1, without noise, of what is selected lies below the best of the space: of the trial that was
seen to be best, and of the best of the four that would be finalists. A configuration counts by its best leg, for
finalists are trained to their ends. A budget is a number of trials, as --num-trials is, or the tokens of so many whole
ones, in which a search may try more configurations.
"""

import argparse
import itertools
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow.parquet as pq
from schedulers import SCHEDULERS
from simulated import DEFAULTS, KEYS, SAMPLERS, SPACE, Plan, Search
from surrogate import Surrogate
from threadpoolctl import threadpool_limits

BUDGETS = (16, 32, 64, 128)
FULL_SIZE = 16384
"""Configurations among which the best of the space is looked for."""

_worker: dict[str, Any] = {}


def begin_worker(surrogate: Surrogate, best: float, end: float) -> None:
    """Once a process."""
    threadpool_limits(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _worker.update(surrogate=surrogate, best=best, end=end)


def simulate(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """What came out of the searches that ended in time."""
    return [row for plan in plans for row in Search(plan, _worker["surrogate"]).run(_worker["best"], _worker["end"])]


def best_of_space(surrogate: Surrogate) -> float:
    """The highest F1 of any leg of many configurations of the space, and of the default one."""
    sampler, study = optuna.samplers.RandomSampler(seed=0), optuna.create_study()
    trial = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
    many = [
        {**DEFAULTS, **{name: sampler.sample_independent(study, trial, name, space) for name, space in SPACE.items()}}
        for _ in range(FULL_SIZE)
    ]
    f1 = surrogate.f1([DEFAULTS, *many])
    best = max(range(len(f1)), key=lambda index: f1[index].max())
    bests = np.array([one.max() for one in f1])
    print(f"Best of {FULL_SIZE:,}: F1 {bests.max():.4f} of {[DEFAULTS, *many][best]}")
    print(f"Default: {bests[0]:.4f}; of all: {np.array2string(np.quantile(bests, [0.1, 0.5, 0.9, 0.99]), precision=4)}")
    return float(bests.max())


def chunks(options: argparse.Namespace, done: set[tuple[Any, ...]]) -> Iterator[list[Plan]]:
    """All searches that are left, a few of each kind at a time, the cheap kinds first."""
    for part in range(-(-options.searches // options.chunk)):
        for sampler, counts, slots, scheduler in itertools.product(
            options.samplers, options.counts, options.slots, options.schedulers
        ):
            is_gp = sampler == "sobol+gp"
            size = options.gp_chunk if is_gp else options.chunk
            budgets = [budget for budget in options.budgets if not is_gp or budget <= options.gp_budget]
            together = [tuple(sorted(budgets))] if counts == "tokens" else [(budget,) for budget in budgets]
            for own in together:
                seeds = range(part * size, min((part + 1) * size, options.searches))
                plans = [Plan(sampler, scheduler, slots, counts, own, seed) for seed in seeds]
                plans = [plan for plan in plans if not done.issuperset(plan.keys())]
                if plans:
                    yield plans


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The Markdown table of mean regrets, in thousandths of F1, with standard errors."""
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[tuple(row[name] for name in ("slots", "counts", "budget", "scheduler", "sampler"))].append(row)
    lines = [
        "| slots | budget | scheduler | sampler | trials | tokens | regret | of finalists | searches |",
        "|---:|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    for key in sorted(kinds, key=lambda key: (*key[:3], list(SCHEDULERS).index(key[3]), SAMPLERS.index(key[4]))):
        own = kinds[key]
        trials, tokens = (np.mean([row[name] for row in own]) for name in ("trials", "tokens"))
        regrets = [_mean_and_error([row[name] for row in own]) for name in ("regret", "regret_of_finalists")]
        slots, counts, budget, scheduler, sampler = key
        lines.append(
            f"| {slots} | {budget} {counts} | {scheduler} | {sampler} | {trials:.1f} | {tokens:.1f} | "
            f"{regrets[0]} | {regrets[1]} | {len(own)} |"
        )
    return "\n".join(lines)


def _mean_and_error(values: Sequence[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{1000 * np.mean(values):.2f} ± {1000 * error:.2f}"


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--searches", type=int, default=1000, help="of each kind, with seeds of their own")
    parser.add_argument("--gp-budget", type=int, default=64, help="highest with a Gaussian process, which takes long")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    parser.add_argument("--schedulers", nargs="+", choices=SCHEDULERS, default=list(SCHEDULERS))
    parser.add_argument("--slots", nargs="+", type=int, default=[32, 8])
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS)
    parser.add_argument("--counts", nargs="+", choices=("trials", "tokens"), default=("trials", "tokens"))
    parser.add_argument("--chunk", type=int, default=5, help="searches of a kind before the next kind")
    parser.add_argument("--gp-chunk", type=int, default=1, help="the same with a Gaussian process")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="of simulation; more runs add to the output"
    )
    parser.add_argument("--output", type=Path, required=True, help="a JSON line a search; those in it are kept")
    parser.add_argument("--table", type=Path, help="where to write the table too")
    return parser.parse_args()


def main() -> None:
    """Fit the surrogate, simulate what is missing, print the table of what is there."""
    options = parse()
    end = time.time() + 60 * options.minutes
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # What the processes inherit: libraries that count all cores as theirs slow each other down.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    surrogate = Surrogate(pq.read_table(options.curves).to_pylist())
    print(surrogate.describe(), flush=True)
    best = best_of_space(surrogate)
    rows = [json.loads(line) for line in options.output.read_text().splitlines()] if options.output.is_file() else []
    done = {tuple(row[name] for name in KEYS) for row in rows}
    with (
        options.output.open("a") as output,
        ProcessPoolExecutor(options.processes, get_context("spawn"), begin_worker, (surrogate, best, end)) as pool,
    ):
        waiting, running = chunks(options, done), set[Future[list[dict[str, Any]]]]()
        while True:
            if time.time() < end:
                room = 2 * options.processes - len(running)
                running |= {pool.submit(simulate, plans) for plans in itertools.islice(waiting, room)}
            if not running:
                break
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for row in itertools.chain.from_iterable(future.result() for future in ended):
                rows.append(row)
                output.write(json.dumps(row) + "\n")
            output.flush()
    text = table(rows)
    print(text)
    if options.table:
        options.table.write_text(text + "\n")


if __name__ == "__main__":
    main()
