"""The search of one family: Optuna's TPE through Ray Tune, its history in the results directory's `studies.db`."""

from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.study import load_study
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

STUDIES_FILE = "studies.db"
BEST_F1 = "best_f1"
"""What a trial is judged by: the highest validation F1 of its epochs so far."""


def make_search(
    results_dir: Path,
    *,
    study_name: str,
    distributions: dict[str, BaseDistribution],
    defaults: dict[str, Any],
    seed: int,
    done: int,
    default_ended: bool,
) -> OptunaSearch:
    """A search that goes on where the study of that name stands.

    Args:
        results_dir: Where `studies.db` lies; optuna-dashboard opens it.
        study_name: Optuna's name for the study, `<study id>/<family>`.
        distributions: The search space; not empty.
        defaults: The first trial's params.
        seed: Of the sampler. A resumed study draws on from another stream than the one it began with.
        done: Trials that have ended.
        default_ended: Whether the defaults' is among them; they are tried first where it is not.
    """
    storage = RDBStorage(
        f"sqlite:///{(results_dir / STUDIES_FILE).resolve()}", engine_kwargs={"connect_args": {"timeout": 60}}
    )
    sampler = TPESampler(seed=seed + 1000 * done, n_startup_trials=8, constant_liar=True)
    first = {name: defaults[name] for name in distributions}
    search = OptunaSearch(
        distributions,
        metric=BEST_F1,
        mode="max",
        sampler=sampler,
        study_name=study_name,
        storage=storage,
        points_to_evaluate=None if default_ended else [first],
    )
    _close_orphans(study_name, storage)
    return search


def _close_orphans(study_name: str, storage: RDBStorage) -> None:
    """Fail the trials that an interrupted run left running, so that the sampler does not wait for them."""
    study = load_study(study_name=study_name, storage=storage)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
