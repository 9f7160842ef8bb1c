from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.families.base import Rows
from reviewtune.tuning import family_run
from reviewtune.tuning import within_memory as module
from reviewtune.tuning.training import EVERYTHING, SEARCH, Fold, all_folds, search_fold
from reviewtune.tuning.within_memory import FIT_BYTES, trial_memory, within_memory

WIDTH = 10
FAKE = np.arange(1000) % 4 == 0
FOLDS = all_folds(np.arange(1000) % 5, 5, seeds=1, search=search_fold(900, 100, seed=3))


@pytest.mark.parametrize("memory", [np.inf, 1000 * WIDTH * FIT_BYTES])
def test_all_rows_are_trained_on_where_they_fit(memory: float) -> None:
    folds, line = within_memory(FOLDS, FAKE, width=WIDTH, memory=memory)
    assert (folds, line) == (FOLDS, None)


def test_a_fit_gets_as_many_rows_of_each_class_as_it_has_memory_for() -> None:
    folds, line = within_memory(FOLDS, FAKE, width=WIDTH, memory=850 * WIDTH * FIT_BYTES)
    assert line == (
        "trains on 850 of 1,000 rows, drawn by class: a fit of all takes about 0.00016 GB, and a node has 0.00014 GB "
        "for each of its trials; for all, give another --results-dir and --max-concurrent-trials 1 or "
        "nodes with more memory"
    )
    for name, fold in folds.items():
        before = FOLDS[name]
        assert len(fold.train) == min(850, len(before.train))
        assert FAKE[fold.train].mean() == pytest.approx(FAKE[before.train].mean(), abs=0.01)
        assert set(fold.train) <= set(before.train)
        np.testing.assert_array_equal(fold.held_out, before.held_out)
    fewer, _ = within_memory(FOLDS, FAKE, width=WIDTH, memory=300 * WIDTH * FIT_BYTES)
    assert all(set(fewer[name].train) <= set(folds[name].train) for name in (SEARCH, EVERYTHING))


def test_the_memory_of_a_trial_is_that_of_the_node_that_has_least_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nodes() -> list[dict[str, object]]:
        sizes = [(16, 64e9), (2, 4e9), (1, 1e9)]
        found = [{"Alive": True, "Resources": {"CPU": cpus, "memory": memory}} for cpus, memory in sizes]
        return [*found, {"Alive": False, "Resources": {}}, {"Alive": True, "Resources": {"memory": 1.0}}]

    monkeypatch.setattr("ray.nodes", nodes)
    assert trial_memory(1, concurrent=19) == 1e9
    assert trial_memory(2, concurrent=9) == 4e9
    assert trial_memory(4, concurrent=2) == 32e9
    assert trial_memory(32, concurrent=2) == np.inf
    assert module.FIT_BYTES >= 4 + 4 + 8


@pytest.mark.parametrize(("inputs", "said"), [("embeddings", 1), ("tokens", 0), ("texts", 0)])
def test_a_family_on_embeddings_says_how_many_rows_it_trains_on(
    monkeypatch: pytest.MonkeyPatch, inputs: str, said: int
) -> None:
    monkeypatch.setattr(family_run, "trial_memory", lambda cpus, concurrent: 500.0 * WIDTH * FIT_BYTES)
    told: list[str] = []
    run = SimpleNamespace(
        name="logreg",
        plan=SimpleNamespace(family=SimpleNamespace(inputs=inputs)),
        study=SimpleNamespace(folds=FOLDS),
        resources=SimpleNamespace(cpus=1, concurrent=2),
        progress=SimpleNamespace(say=told.append),
    )
    folds = family_run.FamilyRun._folds(run, Rows(np.zeros((1000, WIDTH), np.float32), FAKE))
    assert len(told) == said
    assert all(line.startswith("logreg: trains on 500 of 1,000 rows") for line in told)
    assert len(folds[EVERYTHING].train) == (500 if said else 1000)
    assert len(folds[SEARCH].held_out) == 100


@pytest.mark.parametrize(("some", "num_folds", "told"), [(20, 5, 0.25), (80, 5, None), (21, 1, 0.25)])
def test_a_family_knows_which_share_of_the_rows_it_trains_on(some: int, num_folds: int, told: float | None) -> None:
    def with_folds(rows: int) -> Any:
        held_out = np.arange(0)
        folds = {EVERYTHING: Fold(np.arange(rows), held_out, 1), SEARCH: Fold(np.arange(rows // 2), held_out, 1)}
        return SimpleNamespace(folds=folds, num_folds=num_folds)

    run: Any = SimpleNamespace(assignment=with_folds(some), study=with_folds(80))
    assert family_run.FamilyRun.trained_share.fget(run) == told  # type: ignore[attr-defined]
