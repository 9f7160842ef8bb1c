"""What dashboards call trials."""

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage

from reviewtune.families.qlora import QloraParams
from reviewtune.families.tfidf import TfidfParams
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.names import LONGEST, RunNames
from reviewtune.tuning.search import make_search
from reviewtune.tuning.training import Training


def trial(config: dict[str, Any], trial_id: str = "a1") -> Any:
    return SimpleNamespace(trial_id=trial_id, config=config)


def test_a_trial_of_a_search_has_its_number_and_main_params() -> None:
    names = RunNames("qlora", ("rank", "learning_rate"), {"a1": 6})
    searched = {"dropout": 0.1, "learning_rate": 0.00051234, "rank": 16}
    assert names(trial(searched)) == "qlora-6 rank=16 learning_rate=0.000512"
    assert names.folder(trial(searched)) == "qlora-6-rank=16-learning_rate=0.000512_a1"
    assert names(trial({}, "unknown")) == "qlora"


def test_a_training_on_a_fold_has_its_fold() -> None:
    names = RunNames("qlora", ("rank",))
    on_fold = trial(Training({"rank": 8, "epochs": 2}, "1 of 5, seed 1").config)
    assert names(on_fold) == "qlora (1 of 5, seed 1) rank=8"
    assert names.folder(on_fold) == "qlora-1-of-5-seed-1-rank=8_a1"


@pytest.mark.parametrize("source", ["../../etc", "a/b\\c:\x00\n", "x" * 500, "..."])
def test_a_folder_stays_where_it_is_whatever_a_source_is_called(source: str) -> None:
    folder = RunNames("tfidf", ()).folder(trial(Training({}, f"without {source}").config))
    assert Path(folder).name == folder
    assert folder.startswith("tfidf-without")
    assert len(folder) <= LONGEST + 3
    assert folder.isprintable()


def test_what_tune_keeps_of_them_is_small_and_names_no_other_trial() -> None:
    kept = pickle.loads(pickle.dumps(RunNames("svm", ("C",), {"a": 1})))
    assert kept == RunNames("svm", ("C",))


def test_a_copy_that_tune_makes_knows_the_trials_that_are_drawn_later() -> None:
    names = RunNames("svm", ("C",))
    copied = copy.deepcopy(names)
    names.numbers["a1"] = 3
    assert copied(trial({"C": 2.0})) == "svm-3 C=2"


@pytest.mark.parametrize(
    ("params", "searched", "shown"),
    [
        (QloraParams, ["alpha", "rank", "epochs"], ("rank", "epochs")),
        (TfidfParams, ["C", "min_df"], ("C", "min_df")),
    ],
)
def test_a_family_shows_its_main_params_of_those_that_are_searched(
    params: Any, searched: list[str], shown: tuple[str, ...]
) -> None:
    family = SimpleNamespace(name="f", params=params)
    plan: Any = SimpleNamespace(family=family, distributions=dict.fromkeys(searched))
    nothing: Any = None
    assert FamilyRun(nothing, plan, nothing, nothing).names() == RunNames("f", shown)


def test_optunas_history_has_the_names(tmp_path: Path) -> None:
    search = make_search(
        tmp_path,
        study_name="s/svm",
        distributions={"C": FloatDistribution(0.1, 10.0), "kernel": CategoricalDistribution(["rbf"])},
        first=[{"C": 2.0, "kernel": "rbf"}],
        concurrent=1,
        seed=0,
        names=RunNames("svm", ("C",)),
    )
    assert search.suggest("t1") == {"C": 2.0, "kernel": "rbf"}
    assert search.suggest("t2") is not None
    assert search.names.numbers == {"t1": 0, "t2": 1}
    study = optuna.load_study(study_name="s/svm", storage=RDBStorage(f"sqlite:///{tmp_path / 'studies.db'}"))
    told = [each.user_attrs["name"] for each in study.trials]
    assert told[0] == "svm-0 C=2"
    assert told[1].startswith("svm-1 C=")
