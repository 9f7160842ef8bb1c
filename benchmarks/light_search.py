"""A search of a light family beside scikit-learn's GridSearchCV over the very configurations that it drew.

The study runs by itself, as a user starts it: its seconds are those of its trials, from the first one's preparation to
the last one's end, what they share included. GridSearchCV then fits the same configurations, refit off, on the same
training rows and scores the same validation rows by F1, with as many processes as Ray has CPUs. Both start from reviews
that are read, split and encoded. Of many trials the peer is given some, at even distances, and its seconds are scaled.

    python benchmarks/light_search.py --data salminen.csv --families tfidf svm logreg --num-trials 200 --peer-trials 20
"""

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from sklearn.base import clone
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline

from reviewtune.config import StudyConfig
from reviewtune.tuning import executor, family
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.records import TrialRecord
from reviewtune.tuning.study import tune
from reviewtune.tuning.training import SEARCH

T = TypeVar("T")
FEW = 500
"""Rows, on which any configuration can be fitted."""


def pipeline(run: FamilyRun, record: TrialRecord) -> Pipeline:
    """scikit-learn's own estimators of a configuration, not fitted: those of the family's model on a few rows."""
    family, few = run.plan.family, run.assignment.rows.take(np.arange(FEW))
    params = family.params.from_values(record.params)
    (leg,) = family.fit(params, few, replace(run.setting, fast=False))
    model: Any = leg.model
    unfitted: Pipeline = clone(model.pipeline)
    return unfitted


class Watch:
    """Remembers each family's run, and the seconds of what its trials share and of its search."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.runs: dict[str, FamilyRun] = {}

    def timed(self, work: Callable[..., T]) -> Callable[..., T]:
        """The same work of a run, which comes first among its arguments."""

        def timed(run: FamilyRun, *args: Any) -> T:
            assert len(run.assignment.rows), "encoded before the clock starts"
            self.runs[run.name] = run
            start = time.perf_counter()
            try:
                return work(run, *args)
            finally:
                self.seconds[run.name] += time.perf_counter() - start

        return timed


def peer(run: FamilyRun, records: list[TrialRecord], most: int, processes: int) -> tuple[float, list[float], int]:
    """Seconds of GridSearchCV for all configurations, scaled, with the F1 of those it was given, and how many."""
    some = [records[place] for place in np.unique(np.linspace(0, len(records) - 1, most).astype(int))]
    fold, rows = run.assignment.folds[SEARCH], run.assignment.rows
    held_out = np.full(len(rows), -1)
    held_out[fold.held_out] = 0
    pipelines = [pipeline(run, record) for record in some]
    search = GridSearchCV(
        pipelines[0],
        [{"steps": [each.steps]} for each in pipelines],
        scoring=make_scorer(f1_score),
        cv=PredefinedSplit(held_out),
        refit=False,
        n_jobs=processes,
    )
    start = time.perf_counter()
    search.fit(rows.inputs, rows.fake.astype(np.int64))
    seconds = time.perf_counter() - start
    return seconds * len(records) / len(some), search.cv_results_["mean_test_score"].tolist(), len(some)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--families", nargs="+", default=["tfidf"], choices=["tfidf", "svm", "logreg"])
    parser.add_argument("--num-trials", type=int, default=200)
    parser.add_argument("--peer-trials", type=int, default=20)
    parser.add_argument("--output", type=Path)
    told = parser.parse_args()
    watch = Watch()
    executor.with_shared = watch.timed(executor.with_shared)  # type: ignore[attr-defined]
    family.run_round = watch.timed(family.run_round)  # type: ignore[attr-defined]
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        config = StudyConfig(
            data=told.data, families=told.families, num_trials=told.num_trials, finalists=0, results_dir=Path(place)
        )
        tune(config, Console(stderr=True))
        for name, run in watch.runs.items():
            records = [record for record in run.trials.read() if record.best]
            seconds, scores, given = peer(run, records, told.peer_trials, os.cpu_count() or 1)
            found.append(
                {
                    "family": name,
                    "rows": len(run.assignment.rows),
                    "trials": len(records),
                    "seconds": watch.seconds[name],
                    "peer_trials": given,
                    "peer_seconds": seconds,
                    "ratio": seconds / watch.seconds[name],
                    "best_f1": max(record.best.f1 for record in records if record.best),
                    "peer_best_f1": max(scores),
                }
            )
            print(json.dumps(found[-1]))
    if told.output:
        told.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
