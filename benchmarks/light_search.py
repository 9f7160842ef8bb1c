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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from reviewtune.config import StudyConfig
from reviewtune.families.logreg import LogRegParams
from reviewtune.families.registry import get_family
from reviewtune.families.svm import KERNEL_CACHE_MIB, SvmParams
from reviewtune.families.tfidf import WORD_PATTERN, TfidfParams
from reviewtune.tuning import executor, family
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.records import TrialRecord
from reviewtune.tuning.study import tune
from reviewtune.tuning.training import SEARCH

T = TypeVar("T")


def steps(name: str, values: Mapping[str, Any], width: int) -> dict[str, list[Any]]:
    """scikit-learn's own estimators of a configuration, as GridSearchCV takes them."""
    params: Any = get_family(name).params.from_values(values)
    if isinstance(params, TfidfParams):
        vectorizers = [(kind, vectorizer(kind, params)) for kind in params.analyzer.split("+")]
        linear = LinearSVC(C=params.C, dual="auto", max_iter=5000, random_state=42)
        is_svm = params.classifier == "linear_svm"
        last = linear if is_svm else LogisticRegression(C=params.C, max_iter=1000)
        return {"first": [FeatureUnion(vectorizers)], "last": [last]}
    weight = None if params.class_weight == "none" else params.class_weight
    if isinstance(params, SvmParams):
        gamma = params.gamma_scale / width
        last = SVC(C=params.C, gamma=gamma, class_weight=weight, cache_size=KERNEL_CACHE_MIB, random_state=42)
        return {"first": [StandardScaler()], "last": [last]}
    assert isinstance(params, LogRegParams)
    logistic = LogisticRegression(C=params.C, class_weight=weight, max_iter=1000, random_state=42)
    return {"first": [StandardScaler()], "last": [logistic]}


def vectorizer(kind: str, params: TfidfParams) -> TfidfVectorizer:
    """As `families.tfidf` makes it."""
    longest = params.word_ngram_max if kind == "word" else params.ngram_max
    return TfidfVectorizer(
        analyzer=kind,
        token_pattern=WORD_PATTERN if kind == "word" else None,
        ngram_range=(1 if kind == "word" else min(2, longest), longest),
        min_df=params.min_df,
        max_features=params.max_features,
        lowercase=params.lowercase,
        sublinear_tf=params.sublinear_tf,
        dtype=np.float32,
    )


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
    width = 0 if isinstance(rows.inputs, list) else rows.inputs.shape[1]
    search = GridSearchCV(
        Pipeline([("first", "passthrough"), ("last", LogisticRegression())]),
        [steps(run.name, record.params, width) for record in some],
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
