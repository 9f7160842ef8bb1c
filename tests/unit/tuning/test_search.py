from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from reviewtune.tuning.search import make_search

SPACE = {"C": FloatDistribution(1e-3, 1e3, log=True), "kernel": CategoricalDistribution(["rbf", "linear"])}
DEFAULTS = {"C": 1.0, "kernel": "rbf", "fixed": 3}


def search_in(folder: Path, done: int = 0, *, default_ended: bool = False) -> Any:
    return make_search(
        folder,
        study_name="s/svm",
        distributions=SPACE,
        defaults=DEFAULTS,
        seed=1,
        done=done,
        default_ended=default_ended,
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
    search.on_trial_result("t1", {"best_f1": 0.5, "training_iteration": 1})
    search.on_trial_complete("t1", {"best_f1": 0.75, "training_iteration": 2})
    (trial,) = history(tmp_path)
    assert (trial.state, trial.value, trial.params["kernel"]) == (TrialState.COMPLETE, 0.75, "rbf")


def test_a_resumed_search_neither_repeats_the_default_nor_waits_for_lost_trials(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    search.suggest("t1")
    search.on_trial_complete("t1", {"best_f1": 0.75, "training_iteration": 1})
    search.suggest("lost")
    resumed = search_in(tmp_path, done=1, default_ended=True)
    assert [trial.state for trial in history(tmp_path)] == [TrialState.COMPLETE, TrialState.FAIL]
    assert resumed.suggest("t2") != {"C": 1.0, "kernel": "rbf"}


def test_a_default_configuration_that_was_interrupted_is_tried_again_though_others_have_ended(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    search.suggest("lost")
    search.suggest("t2")
    search.on_trial_complete("t2", {"best_f1": 0.75, "training_iteration": 1})
    assert search_in(tmp_path, done=1).suggest("t3") == {"C": 1.0, "kernel": "rbf"}


def test_the_same_seed_suggests_the_same(tmp_path: Path) -> None:
    suggestions = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        search = search_in(tmp_path / name)
        suggestions.append([search.suggest(f"t{number}") for number in range(5)])
    assert suggestions[0] == suggestions[1]
