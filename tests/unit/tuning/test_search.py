import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from reviewtune.tuning.names import RunNames
from reviewtune.tuning.search import make_search

SPACE = {"C": FloatDistribution(1e-3, 1e3, log=True), "kernel": CategoricalDistribution(["rbf", "linear"])}
DEFAULTS = {"C": 1.0, "kernel": "rbf"}


def search_in(folder: Path, *, first: list[dict[str, Any]] | None = None, ended: dict[str, float] | None = None) -> Any:
    return make_search(
        folder,
        study_name="s/svm",
        distributions=SPACE,
        first=[DEFAULTS] if first is None else first,
        concurrent=2,
        seed=1,
        names=RunNames("svm", ("C",)),
        ended=ended,
    )


def history(folder: Path) -> list[Any]:
    return optuna.load_study(study_name="s/svm", storage=f"sqlite:///{folder / 'studies.db'}").trials


def test_the_default_configuration_comes_first(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    assert search.suggest("t1") == {"C": 1.0, "kernel": "rbf"}
    assert search.suggest("t2") != {"C": 1.0, "kernel": "rbf"}


def test_results_are_in_a_file_that_optuna_opens(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    search.suggest("t1")
    search.on_trial_result("t1", {"best_judged": 0.5, "training_iteration": 1})
    search.on_trial_complete("t1", {"best_judged": 0.75, "training_iteration": 2})
    (trial,) = history(tmp_path)
    assert (trial.state, trial.value, trial.params["kernel"]) == (TrialState.COMPLETE, 0.75, "rbf")


def test_a_resumed_search_neither_repeats_the_default_nor_waits_for_lost_trials(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    search.suggest("t1")
    search.on_trial_complete("t1", {"best_judged": 0.75, "training_iteration": 1})
    lost = search.suggest("lost")
    resumed = search_in(tmp_path, first=[])
    assert [trial.state for trial in history(tmp_path)] == [TrialState.COMPLETE, TrialState.FAIL]
    assert resumed.suggest("t2") not in ({"C": 1.0, "kernel": "rbf"}, lost)


def test_a_trial_that_had_ended_when_the_driver_was_killed_is_told_of(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    search.suggest("t1")
    search.suggest("lost")
    search_in(tmp_path, first=[], ended={"svm-0 C=1": 0.75, "svm-7 C=2": 0.5})
    assert [(trial.state, trial.value) for trial in history(tmp_path)] == [
        (TrialState.COMPLETE, 0.75),
        (TrialState.FAIL, None),
    ]


def test_what_an_interrupted_run_had_in_mind_comes_once_and_first(tmp_path: Path) -> None:
    search_in(tmp_path, first=[DEFAULTS, {"C": 2.0, "kernel": "linear"}])
    resumed = search_in(tmp_path, first=[{"C": 3.0, "kernel": "rbf"}, DEFAULTS])
    assert [resumed.suggest(f"t{number}") for number in (1, 2)] == [{"C": 3.0, "kernel": "rbf"}, DEFAULTS]
    assert resumed.suggest("t3") not in (DEFAULTS, {"C": 2.0, "kernel": "linear"})


@settings(max_examples=20, deadline=None)
@given(name=st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20))
@example("a%20b")
@example("a?b#c&d=e")
@example("{SCHEMA_VERSION} [a-z]* ~")
def test_a_results_directory_may_be_called_anything(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    assume(name not in (".", ".."))
    above = tmp_path_factory.mktemp("any")
    folder = above / name
    folder.mkdir()
    search = search_in(folder)
    search.suggest("t1")
    search.on_trial_complete("t1", {"best_judged": 0.75, "training_iteration": 1})
    assert [path.name for path in above.iterdir()] == [name]
    with closing(sqlite3.connect(folder / "studies.db")) as connection:
        assert connection.execute("select count(*) from trials").fetchone() == (1,)


def test_many_studies_that_begin_at_once_share_one_file(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_begin, [tmp_path] * 4, range(4))) == [{"C": 1.0, "kernel": "rbf"}] * 4


def _begin(folder: Path, number: int) -> Any:
    search = make_search(
        folder, study_name=f"s{number}/svm", distributions=SPACE, first=[DEFAULTS], concurrent=2, seed=1,
        names=RunNames("svm", ("C",)),
    )  # fmt: skip
    return search.suggest("t")


def test_the_same_seed_suggests_the_same(tmp_path: Path) -> None:
    suggestions = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        search = search_in(tmp_path / name)
        suggestions.append([search.suggest(f"t{number}") for number in range(5)])
    assert suggestions[0] == suggestions[1]
